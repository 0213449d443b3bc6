# What `cmake --install` puts where: the program, its man pages and completion rules, the libraries with
# their headers, and the package that find_package(hallmark) loads.
include(CMakePackageConfigHelpers)

get_property(modules GLOBAL PROPERTY HALLMARK_MODULES)
install(TARGETS hallmark RUNTIME)
install(TARGETS ${modules} EXPORT hallmarkTargets ARCHIVE)
install(DIRECTORY lib/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hallmark/lib FILES_MATCHING PATTERN "*.h")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hallmark)
install(EXPORT hallmarkTargets NAMESPACE hallmark:: DESTINATION ${package_dir})
configure_package_config_file(tools/cmake/hallmarkConfig.cmake.in ${PROJECT_BINARY_DIR}/hallmarkConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hallmarkConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hallmarkConfig.cmake ${PROJECT_BINARY_DIR}/hallmarkConfigVersion.cmake
  DESTINATION ${package_dir})

set(manual ${PROJECT_BINARY_DIR}/manual)  # written by hallmark_manual
install(DIRECTORY ${manual}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES ${manual}/hallmark.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME hallmark)
install(FILES ${manual}/_hallmark DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${manual}/hallmark.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
