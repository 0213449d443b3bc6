// Writes an initrd: a cpio archive in the form "newc" (Documentation/driver-api/early-userspace/buffer-format.rst of the
// Linux kernel) whose bytes depend on nothing but the list and the files it names. Owner 0, time 0, numbered in the
// list's order; cpio itself would take owner, time and inode numbers from the disk.
//
// usage: pack LIST ARCHIVE.     A line of the list: "folder PATH", "file PATH SOURCE" or "program PATH SOURCE".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDER = 0040755, PLAIN = 0100644, PROGRAM = 0100755 };

static void die(const char *why, const char *what) {
  fprintf(stderr, "pack: %s: %s\n", why, what);
  exit(1);
}

static void pad(FILE *out) {
  while (ftell(out) % 4 != 0) fputc(0, out);
}

static void entry(FILE *out, unsigned ino, unsigned mode, const char *name, const char *data, size_t size) {
  // magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  fprintf(out, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", ino, mode, 0, 0, mode == FOLDER ? 2 : 1, 0, size,
          0, 0, 0, 0, strlen(name) + 1, 0);
  fwrite(name, strlen(name) + 1, 1, out);
  pad(out);
  if (size > 0) fwrite(data, size, 1, out);
  pad(out);
}

static char *read_whole(const char *path, size_t *size) {
  FILE *in = fopen(path, "rb");
  if (!in || fseek(in, 0, SEEK_END) != 0) die("cannot read", path);
  const long end = ftell(in);
  if (end < 0 || end > 0x7fffffff) die("too large", path);
  rewind(in);
  *size = (size_t)end;
  char *data = malloc(*size + 1);
  if (!data || fread(data, 1, *size, in) != *size) die("cannot read", path);
  fclose(in);
  return data;
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage", "pack LIST ARCHIVE");
  FILE *list = fopen(argv[1], "r");
  if (!list) die("cannot read", argv[1]);
  FILE *out = fopen(argv[2], "wb");
  if (!out) die("cannot write", argv[2]);

  char line[1024];
  for (unsigned ino = 1; fgets(line, sizeof line, list);) {
    if (line[0] == '#' || line[0] == '\n') continue;
    char kind[16], path[256], source[512];
    const int words = sscanf(line, "%15s /%255s %511s", kind, path, source);
    if (words == 2 && strcmp(kind, "folder") == 0) {
      entry(out, ino++, FOLDER, path, NULL, 0);
    } else if (words == 3 && (strcmp(kind, "file") == 0 || strcmp(kind, "program") == 0)) {
      size_t size;
      char *data = read_whole(source, &size);
      entry(out, ino++, kind[0] == 'f' ? PLAIN : PROGRAM, path, data, size);
      free(data);
    } else {
      die("not a line of a list", line);
    }
  }
  entry(out, 0, 0, "TRAILER!!!", NULL, 0);
  if (ferror(out) || fclose(out) != 0) die("cannot write", argv[2]);
  return 0;
}
