# hallmark_module(<name> DIR <dir> SRCS ... DEPS <module>... LINK <target>... HIDDEN <target>...)
#
# One directory under lib/ is one module. DEPS is the whole list of modules its
# files may include; the `layering` test holds them to it. LINK are libraries
# whose headers our headers include, HIDDEN those that only our .cc files see.
function(hallmark_module name)
  cmake_parse_arguments(PARSE_ARGV 1 M "" "DIR" "SRCS;DEPS;LINK;HIDDEN")
  list(TRANSFORM M_DEPS PREPEND "hallmark_" OUTPUT_VARIABLE deps)
  add_library(hallmark_${name} STATIC ${M_SRCS})
  add_library(hallmark::${name} ALIAS hallmark_${name})
  target_compile_features(hallmark_${name} PUBLIC cxx_std_20)
  set_target_properties(hallmark_${name} PROPERTIES CXX_EXTENSIONS OFF EXPORT_NAME ${name})
  target_include_directories(hallmark_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/hallmark>)
  target_link_libraries(hallmark_${name} PUBLIC ${deps} ${M_LINK} PRIVATE ${M_HIDDEN})
  list(JOIN M_DEPS "," deps_text)
  set_property(GLOBAL APPEND PROPERTY HALLMARK_LAYERS "${name} lib/${M_DIR} ${deps_text}")
  set_property(GLOBAL APPEND PROPERTY HALLMARK_MODULES hallmark_${name})
endfunction()
