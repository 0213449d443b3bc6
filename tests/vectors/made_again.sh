# usage: made_again.sh FOLDER GENERATOR: the generator in the folder makes the files beside it again, byte for byte.
set -euo pipefail
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
python3 "$1/$2" "$made"
diff -r --exclude "$2" "$1" "$made"
