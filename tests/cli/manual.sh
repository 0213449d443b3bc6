# The man pages: one a command, the same bytes every time, and nothing that man complains about.
. "$(dirname "$0")/common.sh"

[[ -x ${HALLMARK_MANUAL:-} ]] || skip "HALLMARK_MANUAL does not name the program that writes the pages"
"$HALLMARK_MANUAL" one
(umask 077; TZ=Asia/Kathmandu LC_ALL=de_DE.UTF-8 "$HALLMARK_MANUAL" two)
diff -r one two

for page in one/*.1; do
  name=$(basename "$page" .1)
  grep -q "^\.TH ${name^^} 1 \"\" \"hallmark [0-9.]*\"" "$page"
  if command -v groff >/dev/null; then
    groff -man -ww -Tutf8 -z "$page" 2>complaints
    [[ ! -s complaints ]] || { cat complaints; false; }
  fi
done
hallmark completion bash | cmp - one/hallmark.bash
