// A Debian binary package, deb(5) format 2.0: an ar archive of debian-binary, control.tar and
// data.tar, in this order.
#pragma once

#include "lib/formats/archive.h"

namespace hallmark {

// Reads the package's file tree, data.tar, from the open file. Its control.tar must be there and is
// not read: what the archive says of a package comes from the signed indexes.
Status read_deb(int fd, const std::string& name, const ArchiveVisitor& visitor, const ArchiveLimits& limits = {});

}  // namespace hallmark
