// hallmark key: makes a pair of signing keys, and names one.
#include <unistd.h>

#include "lib/crypto/key.h"
#include "tools/hallmark/command.h"
#include "tools/hallmark/passphrase.h"

namespace hallmark::cli {
namespace {

constexpr std::size_t kMaxKeyFile = std::size_t{64} << 10;

Json describe(const PublicKey& key) { return Json::object({{"type", to_text(key.type())}, {"id", key.id()}}); }

Status must_be_free(const fs::path& path) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error)))
    return fail(Fault::usage, path.string() + ": is there already; a key is never overwritten");
  return {};
}

class Key final : public Command {
 public:
  void options(CLI::App& app) override {
    app.require_subcommand(1);
    make_ = app.add_subcommand("new", "make a pair of keys");
    make_->add_option("--out,-o", name_, "write NAME.key and NAME.pub")->type_name("NAME")->default_str("hallmark");
    make_->add_option("--type", type_, "kind of key")->check(CLI::IsMember({"p256", "ed25519"}))->default_str("p256");
    make_->add_flag("--encrypt", encrypt_, "seal the private key with a passphrase");
    passphrase_.option(*make_);
    show_ = app.add_subcommand("show", "print type and id of a public key");
    show_->add_option("file", file_, "public key")->required()->type_name("FILE");
  }

  Result<Report> run(Session&) override { return make_->parsed() ? make() : show(); }

 private:
  Result<Report> make() const {
    TRY(const KeyType type, key_type_from_text(type_));
    const fs::path secret_path = name_ + ".key", public_path = name_ + ".pub";
    CHECK(must_be_free(secret_path));
    CHECK(must_be_free(public_path));
    const PrivateKey key = PrivateKey::generate(type);
    std::optional<Secret> passphrase;
    if (encrypt_) {
      TRY(Secret chosen, passphrase_.choose());
      passphrase.emplace(std::move(chosen));
    }
    CHECK(write_new_file(secret_path, key.to_pem(passphrase ? &*passphrase : nullptr).bytes(), 0600));
    if (Status written = write_new_file(public_path, as_bytes(key.public_key().to_pem())); !written) {
      unlink(secret_path.c_str());  // half a pair, which nobody has used
      return Failure(std::move(written).error());
    }
    Json data = describe(key.public_key());
    data["private"] = secret_path.string();
    data["public"] = public_path.string();
    data["encrypted"] = encrypt_;
    return Report{data,
                  "key " + key.public_key().id() + "\n" + "    private: " + printable(secret_path.string()) +
                      (encrypt_ ? ", sealed with your passphrase\n" : ", readable by its owner alone: keep it so\n") +
                      "    public:  " + printable(public_path.string()) + ", for everybody who is to verify\n"};
  }

  Result<Report> show() const {
    TRY(const std::string pem, read_text(file_, kMaxKeyFile));
    TRY(const PublicKey key, PublicKey::parse(pem, file_));
    return Report{describe(key), "key " + key.id() + "\n    type: " + std::string(to_text(key.type())) + "\n"};
  }

  CLI::App *make_ = nullptr, *show_ = nullptr;
  std::string name_ = "hallmark", type_ = "p256", file_;
  bool encrypt_ = false;
  Passphrase passphrase_;
};

}  // namespace

std::unique_ptr<Command> make_key() { return std::make_unique<Key>(); }

}  // namespace hallmark::cli
