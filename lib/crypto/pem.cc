#include "lib/crypto/pem.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "lib/crypto/openssl_handle.h"

namespace hallmark {
namespace {

using Bio = std::unique_ptr<BIO, Free<BIO_free>>;

}  // namespace

PemBlock::~PemBlock() { OPENSSL_cleanse(der.data(), der.size()); }

Result<PemBlock> read_pem(ByteView text, const std::string& name) {
  DropErrors drop;
  if (text.size() > kMaxPem)
    return fail(Fault::format, name + ": has " + std::to_string(text.size()) + " bytes, too many for a key");
  if (!as_text(text).starts_with("-----BEGIN "))
    return fail(Fault::format, name + ": does not begin with a PEM block (\"-----BEGIN \")");
  const Bio bio(must(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))));
  char *label = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio.get(), &label, &header, &data, &size) != 1)
    return fail(Fault::format, name + ": is not well-formed PEM");
  PemBlock block;
  block.label = label;
  block.der.assign(data, data + size);
  const bool legacy = *header != '\0';
  OPENSSL_free(label);
  OPENSSL_free(header);
  OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  if (legacy)
    return fail(Fault::unsupported, name +
                                        ": is a PEM block with headers (traditional encryption); "
                                        "`openssl pkcs8 -topk8` converts a key to PKCS#8");
  const std::size_t rest = BIO_ctrl_pending(bio.get());
  const std::string_view after = as_text(text.last(rest));
  if (after.find_first_not_of(" \t\r\n") != after.npos)
    return fail(Fault::format, name + ": has something after the PEM block");
  return block;
}

}  // namespace hallmark
