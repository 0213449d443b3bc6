#include "lib/tee/dcap/pck.h"

#include <algorithm>
#include <set>

#include "lib/formats/der.h"

namespace hallmark::dcap {
namespace {

constexpr std::string_view kWhat = "SGX extension";

// SEQUENCE OF SEQUENCE { OID, value }: `each` reads the value of the field with that last arc below `prefix`.
template <class Each>
Status read_fields(ByteView sequence, const std::string& prefix, std::size_t least, std::size_t most, Each each) {
  der::Reader fields(sequence, std::string(kWhat) + " " + prefix);
  std::set<std::uint64_t> seen;
  while (!fields.at_end()) {
    der::Reader field(fields.take(der::kSequence, "field"), std::string(kWhat) + " " + prefix);
    const std::string oid = field.oid("identifier");
    if (!field.ok()) break;
    const std::string_view arc = std::string_view(oid).substr(std::min(oid.size(), prefix.size() + 1));
    std::uint64_t number = 0;
    for (char c : arc) number = c >= '0' && c <= '9' && number < 1000 ? number * 10 + std::uint64_t(c - '0') : 1000;
    if (!oid.starts_with(prefix + ".") || number < 1 || number > most)
      return fail(Fault::unsupported, std::string(kWhat) + ": has a field " + oid + " that is not known");
    if (!seen.insert(number).second)
      return fail(Fault::format, std::string(kWhat) + ": has the field " + oid + " twice");
    each(field, number);
    CHECK(field.finish(0));
  }
  CHECK(fields.finish(0));
  for (std::uint64_t number = 1; number <= least; number++)
    if (!seen.contains(number))
      return fail(Fault::format, std::string(kWhat) + ": lacks the field " + prefix + "." + std::to_string(number));
  return {};
}

template <std::size_t N>
void octets(der::Reader& field, std::string_view name, std::array<std::uint8_t, N>& out) {
  const ByteView bytes = field.take(der::kOctetString, name);
  if (!field.ok()) return;
  if (bytes.size() != N)
    return field.reject(name, "has " + std::to_string(bytes.size()) + " bytes, " + std::to_string(N) + " wanted");
  std::ranges::copy(bytes, out.begin());
}

Status read_tcb(ByteView sequence, const std::string& prefix, PckExtension& out) {
  return read_fields(sequence, prefix, 18, 18, [&](der::Reader& field, std::uint64_t number) {
    if (number <= kComponents)
      out.components[number - 1] = static_cast<std::uint8_t>(field.number(0xff, "component SVN"));
    else if (number == 17)
      out.pcesvn = static_cast<std::uint16_t>(field.number(0xffff, "PCESVN"));
    else
      octets(field, "CPUSVN", out.cpusvn);
  });
}

Status read_configuration(ByteView sequence, const std::string& prefix, PckExtension& out) {
  return read_fields(sequence, prefix, 0, 3, [&](der::Reader& field, std::uint64_t number) {
    const bool value = field.boolean("configuration flag");
    (number == 1 ? out.dynamic_platform : number == 2 ? out.cached_keys : out.smt_enabled) = value;
  });
}

}  // namespace

Result<PckExtension> parse_pck_extension(ByteView der) {
  PckExtension out;
  der::Reader outer(der, std::string(kWhat));
  const ByteView fields = outer.take(der::kSequence, "fields");
  CHECK(outer.finish(0));
  const std::string root = kSgxExtension;
  Status nested;
  CHECK(read_fields(fields, root, 5, 7, [&](der::Reader& field, std::uint64_t number) {
    switch (number) {
      case 1: return octets(field, "PPID", out.ppid);
      case 2: {
        const ByteView tcb = field.take(der::kSequence, "TCB");
        if (field.ok()) nested = read_tcb(tcb, root + ".2", out);
        return;
      }
      case 3: return octets(field, "PCEID", out.pceid);
      case 4: return octets(field, "FMSPC", out.fmspc);
      case 5: out.sgx_type = field.number(2, "SGX type", der::kEnumerated); return;
      case 6: return octets(field, "platform instance", out.platform_instance_id.emplace());
      default: {
        const ByteView configuration = field.take(der::kSequence, "configuration");
        if (field.ok() && nested) nested = read_configuration(configuration, root + ".7", out);
      }
    }
  }));
  CHECK(nested);
  return out;
}

}  // namespace hallmark::dcap
