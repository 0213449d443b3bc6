// Takes out of a PE image what says when it was made: TimeDateStamp, which the firmware measures with the rest of the
// header, and CheckSum, which it does not measure but which is over the other. Both become 0, which means "not given"
// (Microsoft PE Format, "COFF File Header" and "Optional Header Windows-Specific Fields").
//
// usage: normalise IN OUT
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOS_HEADER = 64, SIGNATURE_AT = 0x3c, STAMP = 8, CHECKSUM = 24 + 64, HEADERS = 24 + 68, MAX_HEADERS = 4096 };

static void die(const char *why) {
  fprintf(stderr, "normalise: %s\n", why);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage: normalise IN OUT");
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (!in || !out) die("cannot open the files");

  static unsigned char block[1 << 16];
  size_t size = fread(block, 1, sizeof block, in);
  if (size < MAX_HEADERS || memcmp(block, "MZ", 2) != 0) die("not a PE image");
  const uint32_t pe = block[SIGNATURE_AT] | block[SIGNATURE_AT + 1] << 8 | block[SIGNATURE_AT + 2] << 16 |
                      (uint32_t)block[SIGNATURE_AT + 3] << 24;
  if (pe < DOS_HEADER || pe > MAX_HEADERS - HEADERS || memcmp(block + pe, "PE\0\0", 4) != 0) die("not a PE image");
  memset(block + pe + STAMP, 0, 4);
  memset(block + pe + CHECKSUM, 0, 4);

  for (; size > 0; size = fread(block, 1, sizeof block, in))
    if (fwrite(block, 1, size, out) != size) die("cannot write");
  if (ferror(in) || fclose(out) != 0) die("cannot copy");
  return 0;
}
