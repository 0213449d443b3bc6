// Lays an enclave's ELF out as an SGXS image: the stream of records that the
// processor measures (ECREATE, EADD, EEXTEND), with the page contents.
//
// usage: pack ENCLAVE.elf IMAGE.sgxs
//
// Pages in the order of their addresses: the ELF's loadable segments, then one TCS,
// then its SSA frame. Every page is measured. Built in the sandbox that builds the enclave.
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, CHUNK = 256, ENCLAVE_SIZE = 0x10000, SSA_FRAME_PAGES = 1, MAX_FILE = 1 << 20 };

// SECINFO.FLAGS. Intel SDM Vol. 3D, "Enclave Access Control and Data Structures", as for the TCS below.
enum { READ = 1, WRITE = 2, EXECUTE = 4, PT_TCS = 0x100, PT_REG = 0x200 };

static unsigned char elf[MAX_FILE];
static size_t elf_size;

static void die(const char *why) {
  fprintf(stderr, "pack: %s\n", why);
  exit(1);
}

static void put64(unsigned char *to, uint64_t v) {
  for (int i = 0; i < 8; i++) to[i] = (unsigned char)(v >> (8 * i));
}

static void record(FILE *out, const char *tag, uint64_t a, uint64_t b) {
  unsigned char r[64] = {0};
  memcpy(r, tag, strlen(tag));
  put64(r + 8, a);
  put64(r + 16, b);
  if (fwrite(r, sizeof r, 1, out) != 1) die("cannot write");
}

// ECREATE: u32 SSAFRAMESIZE in pages at 8, u64 SIZE in bytes at 12.
static void ecreate(FILE *out) {
  unsigned char r[64] = "ECREATE";
  r[8] = SSA_FRAME_PAGES;
  put64(r + 12, ENCLAVE_SIZE);
  if (fwrite(r, sizeof r, 1, out) != 1) die("cannot write");
}

static void add_page(FILE *out, uint64_t offset, uint64_t flags, const unsigned char *page) {
  if (offset % PAGE != 0 || offset + PAGE > ENCLAVE_SIZE) die("a page lies outside the enclave");
  record(out, "EADD", offset, flags);
  for (unsigned at = 0; at < PAGE; at += CHUNK) {
    record(out, "EEXTEND", offset + at, 0);
    if (fwrite(page + at, CHUNK, 1, out) != 1) die("cannot write");
  }
}

static uint64_t add_segment(FILE *out, const Elf64_Phdr *s) {
  if (s->p_vaddr % PAGE != 0) die("a segment does not begin on a page");
  if (s->p_filesz > s->p_memsz || s->p_memsz > ENCLAVE_SIZE || s->p_offset > elf_size || s->p_filesz > elf_size - s->p_offset)
    die("a segment lies outside the file");
  const uint64_t flags = PT_REG | (s->p_flags & PF_R ? READ : 0) | (s->p_flags & PF_W ? WRITE : 0) | (s->p_flags & PF_X ? EXECUTE : 0);
  uint64_t at = 0;
  for (; at < s->p_memsz; at += PAGE) {
    unsigned char page[PAGE] = {0};
    if (at < s->p_filesz) memcpy(page, elf + s->p_offset + at, s->p_filesz - at < PAGE ? s->p_filesz - at : PAGE);
    add_page(out, s->p_vaddr + at, flags, page);
  }
  return s->p_vaddr + at;
}

// TCS: one thread, entering at the ELF's entry point, with one state save area.
static void add_tcs(FILE *out, uint64_t offset, uint64_t entry) {
  unsigned char tcs[PAGE] = {0};
  put64(tcs + 16, offset + PAGE);  // OSSA: the page behind
  tcs[28] = 1;                     // NSSA
  put64(tcs + 32, entry);          // OENTRY
  put64(tcs + 64, 0x00000fff00000fffull);  // FSLIMIT, GSLIMIT
  add_page(out, offset, PT_TCS, tcs);
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage: pack ENCLAVE.elf IMAGE.sgxs");
  FILE *in = fopen(argv[1], "rb");
  if (!in) die("cannot open the ELF");
  elf_size = fread(elf, 1, sizeof elf, in);
  fclose(in);

  Elf64_Ehdr header;
  if (elf_size < sizeof header || elf_size == sizeof elf) die("not an ELF of a fitting size");
  memcpy(&header, elf, sizeof header);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
    die("not an x86-64 ELF");
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > elf_size ||
      (elf_size - header.e_phoff) / sizeof(Elf64_Phdr) < header.e_phnum)
    die("program headers lie outside the file");

  FILE *out = fopen(argv[2], "wb");
  if (!out) die("cannot make the image");
  ecreate(out);
  uint64_t end = 0;
  for (unsigned i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr s;
    memcpy(&s, elf + header.e_phoff + i * sizeof s, sizeof s);
    if (s.p_type != PT_LOAD || s.p_memsz == 0) continue;
    if (s.p_vaddr < end) die("segments overlap");
    end = add_segment(out, &s);
  }
  add_tcs(out, end, header.e_entry);
  const unsigned char ssa[PAGE] = {0};
  for (unsigned i = 0; i < SSA_FRAME_PAGES; i++) add_page(out, end + (1 + i) * PAGE, PT_REG | READ | WRITE, ssa);
  if (fclose(out) != 0) die("cannot write");
  return 0;
}
