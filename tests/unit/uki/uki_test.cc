#include "lib/tee/uki/uki.h"

#include <gtest/gtest.h>

#include "lib/formats/cpio.h"
#include "tests/unit/uki/made_uki.h"

namespace hallmark::uki {
namespace {

std::vector<std::string> names(const Uki& uki) {
  std::vector<std::string> out;
  for (const Measured& m : uki.measured()) out.emplace_back(m.section);
  return out;
}

Bytes initrd_of(const Uki& uki) {
  Bytes out;
  for (const Content& part : uki.initrd()) {
    const Bytes bytes = *part.read(0, part.size());
    out.insert(out.end(), bytes.begin(), bytes.end());
    if (uki.initrd().size() > 1) out.resize(*align_up(out.size(), 4));
  }
  return out;
}

Bytes extra(std::string_view file, std::string_view text) {
  return CpioWriter().folder(".extra", 0555).file(".extra/" + std::string(file), 0444, as_bytes(text)).finish();
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(Stub, IsFoundByItsReleaseOrRefused) {
  for (const Stub& stub : stubs()) EXPECT_EQ(find_stub(stub.release)->release, stub.release);
  for (const unsigned release : {0u, 255u, 300u}) {
    EXPECT_EQ(find_stub(release).error().fault, Fault::unsupported);
    EXPECT_NE(find_stub(release).error().what.find("known are 252, 254, 257, 262"), std::string::npos);
  }
}

TEST(Uki, SaysWhichStubItHas) {
  for (const auto& [version, release] : {std::pair{"252.39-1~deb12u2", 252u},
                                         {"254.26", 254u},
                                         {"v257", 257u},
                                         {"257.13-1~deb13u1", 257u},
                                         {"262.1-1", 262u},
                                         {"262~rc2", 262u}}) {
    const Bytes file = made_uki(version).bytes();
    const auto uki = Uki::parse(Content(file));
    ASSERT_TRUE(uki) << uki.error().message();
    EXPECT_EQ(uki->stub().release, release);
    EXPECT_EQ(uki->stub_version(), version);
  }
  const Bytes file = made_uki("255").bytes();
  EXPECT_EQ(Uki::parse(Content(file)).error().fault, Fault::unsupported);
  const auto given = Uki::parse(Content(file), 254);
  ASSERT_TRUE(given) << given.error().message();
  EXPECT_EQ(given->stub().release, 254u);
  EXPECT_EQ(given->stub_version(), "");
}

// src/fundamental/uki.c: the order is that of the list, whatever the order in the file.
TEST(Uki, MeasuresTheSectionsThatItsStubKnows) {
  MadePe made = made_uki("257");
  made.sections.push_back({".pcrsig", bytes_of("{}")});
  made.sections.push_back({".pcrpkey", bytes_of("key")});
  made.sections.push_back({".ucode", bytes_of("microcode")});
  const Bytes file = made.bytes();
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(*Uki::parse(Content(file))),
            (Names{".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".uname", ".sbat", ".pcrpkey"}));
  EXPECT_EQ(names(*Uki::parse(Content(file), 254)),
            (Names{".linux", ".osrel", ".cmdline", ".initrd", ".uname", ".sbat", ".pcrpkey"}));
  EXPECT_EQ(names(*Uki::parse(Content(file), 252)), (Names{".linux", ".osrel", ".cmdline", ".initrd", ".pcrpkey"}));
}

TEST(Uki, HandsOnTheInitrdAsItsStubJoinsIt) {
  MadePe made = made_uki("257");
  const Bytes initrd(4099, 7), pad(1), microcode = bytes_of("microcode"), pad3(3);
  {
    const Bytes file = made.bytes();
    EXPECT_EQ(initrd_of(*Uki::parse(Content(file), 252)), initrd);
    EXPECT_EQ(initrd_of(*Uki::parse(Content(file), 257)), joined({initrd, pad, extra("os-release", "ID=x\n")}));
    EXPECT_EQ(initrd_of(*Uki::parse(Content(file), 262)), joined({initrd, pad, extra("os-release", "ID=x\n")}));
  }
  made.sections.push_back({".profile", bytes_of("ID=main\n")});
  made.sections.push_back({".pcrpkey", bytes_of("key")});
  made.sections.push_back({".pcrsig", bytes_of("{}")});
  made.sections.push_back({".ucode", microcode});
  const Bytes file = made.bytes();
  const Bytes signature = extra("tpm2-pcr-signature.json", "{}"), key = extra("tpm2-pcr-public-key.pem", "key");
  EXPECT_EQ(initrd_of(*Uki::parse(Content(file), 254)), joined({initrd, pad, signature, key}));
  EXPECT_EQ(initrd_of(*Uki::parse(Content(file))),
            joined({microcode, pad3, initrd, pad, signature, key, extra("os-release", "ID=x\n"),
                    extra("profile", "ID=main\n")}));
}

TEST(Uki, WithoutAnInitrdHandsOnWhatTheStubAdds) {
  MadePe made = made_uki("257");
  made.sections.pop_back();
  const Bytes file = made.bytes();
  const auto uki = Uki::parse(Content(file));
  EXPECT_FALSE(uki->initrd_section());
  EXPECT_EQ(initrd_of(*uki), extra("os-release", "ID=x\n"));
  EXPECT_TRUE(Uki::parse(Content(file), 252)->initrd().empty());
}

// src/boot/util.c, mangle_stub_cmdline, and src/boot/efi-string.c, xstrn8_to_16.
TEST(Uki, HandsOnTheCommandLineWithoutBlanksAtItsEnds) {
  const auto options = [](unsigned release, std::string_view text) {
    return *load_options_of(*find_stub(release), as_bytes(text));
  };
  EXPECT_EQ(options(257, "a b"), (Bytes{'a', 0, ' ', 0, 'b', 0, 0, 0}));
  EXPECT_EQ(options(257, " \ta\tb\n\n"), options(257, "a b"));
  EXPECT_EQ(options(252, "a\tb \n"), options(257, "a b"));
  EXPECT_EQ(options(252, " a b"), (Bytes{' ', 0, 'a', 0, ' ', 0, 'b', 0, 0, 0}));
  EXPECT_EQ(options(257, std::string_view("a b\0c", 5)), options(257, "a b"));
  EXPECT_EQ(options(257, "a b\x7f"), options(257, "a b"));
  EXPECT_EQ(options(252, "a\x7f"), (Bytes{'a', 0, 0x7f, 0, 0, 0}));
  EXPECT_EQ(options(257, " \n"), (Bytes{0, 0}));
  EXPECT_EQ(options(257, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80x"), (Bytes{0xe4, 0, 0xac, 0x20, 'x', 0, 0, 0}));
  EXPECT_EQ(load_options_of(*find_stub(257), as_bytes("\xff")).error().fault, Fault::unsupported);
}

TEST(Uki, KnowsWhenTheCommandLineDependsOnTheMachine) {
  for (const auto& [text, grows] :
       {std::pair{"console=ttyS0", false}, {"quiet console=hvc0", false}, {"quiet", true}, {"earlyconsole=x", true}}) {
    MadePe made = made_uki("262");
    made.sections[4].data = bytes_of(text);
    const Bytes file = made.bytes();
    EXPECT_EQ(Uki::parse(Content(file))->load_options_may_grow(), grows) << text;
    EXPECT_FALSE(Uki::parse(Content(file), 257)->load_options_may_grow()) << text;
  }
  MadePe made = made_uki("262");
  made.sections.erase(made.sections.begin() + 4);
  const Bytes file = made.bytes();
  EXPECT_TRUE(Uki::parse(Content(file))->load_options_may_grow());
  EXPECT_FALSE(Uki::parse(Content(file))->load_options());
}

struct Refused {
  const char* why;
  Fault fault;
  void (*change)(MadePe&);
};
void PrintTo(const Refused& r, std::ostream* out) { *out << r.why; }

class UkiRefused : public testing::TestWithParam<Refused> {};

TEST_P(UkiRefused, ByName) {
  MadePe made = made_uki("257");
  GetParam().change(made);
  const Bytes file = made.bytes();
  const auto uki = Uki::parse(Content(file));
  ASSERT_FALSE(uki);
  EXPECT_EQ(uki.error().fault, GetParam().fault) << uki.error().message();
  EXPECT_NE(uki.error().message().find(GetParam().why), std::string::npos) << uki.error().message();
}

constexpr auto kUnsupported = Fault::unsupported;
INSTANTIATE_TEST_SUITE_P(
    Images, UkiRefused,
    testing::Values(
        Refused{"has no section \".linux\": an add-on", kUnsupported, [](MadePe& m) { m.sections[6].name = ".other"; }},
        Refused{"has 2 sections \".profile\": an image with several profiles", kUnsupported,
                [](MadePe& m) {
                  m.sections.insert(m.sections.end(), 2, {".profile", Bytes(1, 1)});
                }},
        Refused{"has 2 sections \".cmdline\"", kUnsupported,
                [](MadePe& m) {
                  m.sections.push_back({".cmdline", Bytes(1, 'x')});
                }},
        Refused{"has a section \".dtbauto\", which the stub uses or not", kUnsupported,
                [](MadePe& m) {
                  m.sections.push_back({".dtbauto", Bytes(1, 1)});
                }},
        Refused{"has no section \".sdmagic\"", kUnsupported, [](MadePe& m) { m.sections[2].name = ".magic"; }},
        Refused{"section \".sdmagic\" at 0xc00: is not", Fault::format,
                [](MadePe& m) { m.sections[2].data = bytes_of("#### LoaderInfo: systemd-boot 257 ####"); }},
        Refused{"the release \"x257\" is no number", Fault::format,
                [](MadePe& m) { m.sections[2].data = bytes_of("#### LoaderInfo: systemd-stub x257 ####"); }},
        Refused{"does not measure without a TPM", kUnsupported,
                [](MadePe& m) { m.sections[0].data = Bytes(64, 0x90); }},
        Refused{"Machine is 0xaa64", kUnsupported, [](MadePe& m) { m.machine = 0xaa64; }},
        Refused{"section \".linux\": PE header: DOS header", Fault::format,
                [](MadePe& m) { m.sections[6].data = Bytes(10, 1); }},
        Refused{"a kernel older than 5.8", kUnsupported,
                [](MadePe& m) { m.sections[6].data[MadePe::kOptional + 44] = 0; }}));

TEST(Uki, RefusesSectionsThatShareMemory) {
  const MadePe made = made_uki("257");
  Bytes file = made.bytes();
  const std::size_t at = made.row(4) + 12;
  store_le(std::span(file).subspan(at), load_le<std::uint32_t>(ByteView(file).subspan(made.row(3) + 12)) + 1);
  EXPECT_NE(Uki::parse(Content(file)).error().what.find("\".cmdline\" begins at 0x4001, inside section \".osrel\""),
            std::string::npos)
      << Uki::parse(Content(file)).error().what;
}

}  // namespace
}  // namespace hallmark::uki
