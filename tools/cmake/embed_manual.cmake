# cmake -DPAGES=<a.md;b.md> -DOUT=<file.cc> -P embed_manual.cmake
# Writes the manual's pages into a C++ file, sorted by name.
set(rows "")
list(SORT PAGES)
foreach(page IN LISTS PAGES)
  get_filename_component(name ${page} NAME_WE)
  file(READ ${page} text)
  string(APPEND rows "    {\"${name}\", R\"markdown(${text})markdown\"},\n")
endforeach()
file(WRITE ${OUT}.new "#include \"tools/hallmark/manual.h\"\n
namespace hallmark::cli {\n
std::span<const ManualPage> manual_pages() {
  static constexpr ManualPage kPages[] = {\n${rows}  };
  return kPages;
}\n
}  // namespace hallmark::cli\n")
file(COPY_FILE ${OUT}.new ${OUT} ONLY_IF_DIFFERENT)
