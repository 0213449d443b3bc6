# hallmark key: pairs that openssl reads, never overwritten, sealed on request.
. "$(dirname "$0")/common.sh"

for type in p256 ed25519; do
  hallmark key new --type $type --out $type >made
  contains made "$type.key"
  [[ $(stat -c %a $type.key) == 600 && $(stat -c %a $type.pub) == 644 ]]
  openssl pkey -in $type.key -pubout | cmp - $type.pub
  id=$(openssl pkey -pubin -in $type.pub -outform DER | sha256sum | cut -d' ' -f1)
  hallmark key show $type.pub --json | grep -q "\"id\": \"$id\""
  contains made "key $id"
done

# Modes do not depend on the umask.
(umask 0; hallmark key new --out open >/dev/null)
(umask 0777; hallmark key new --out closed >/dev/null)
[[ $(stat -c %a open.key closed.pub | tr '\n' ' ') == "600 644 " ]]

# A key is never overwritten, and half a pair is never left.
before=$(sha256sum p256.key)
expect_exit 2 hallmark key new --out p256
contains "$stderr" 'p256.key: is there already'
[[ $(sha256sum p256.key) == "$before" ]]
touch half.pub
expect_exit 2 hallmark key new --out half
[[ ! -e half.key ]]
expect_exit 5 hallmark key new --out no/such/folder

# Sealed, by file descriptor and by environment.
hallmark key new --out sealed --encrypt --passphrase-fd 3 3<<<'correct horse' >made
contains made 'sealed with your passphrase'
openssl pkey -in sealed.key -passin 'pass:correct horse' -pubout | cmp - sealed.pub
HALLMARK_PASSPHRASE='correct horse' hallmark key new --out sealed2 --encrypt >/dev/null
openssl pkey -in sealed2.key -passin 'pass:correct horse' -pubout | cmp - sealed2.pub
expect_exit 2 env HALLMARK_PASSPHRASE= "$HALLMARK" key new --out empty --encrypt
[[ ! -e empty.key && ! -e empty.pub ]]
expect_exit 2 setsid "$HALLMARK" key new --out mute --encrypt </dev/null
contains "$stderr" 'there is no terminal to ask on'

expect_exit 2 hallmark key new --type rsa
expect_exit 2 hallmark key
expect_exit 2 hallmark key show p256.key
contains "$stderr" 'is a private key where a public one is wanted'
not contains "$stderr" "$(sed -n 2p p256.key | cut -c1-16)"
openssl genpkey -algorithm RSA 2>/dev/null | openssl pkey -pubout -out rsa.pub
expect_exit 4 hallmark key show rsa.pub
