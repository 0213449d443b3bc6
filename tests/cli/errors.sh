# With --json an error is one object on standard output, and the line for people on standard error all the same.
. "$(dirname "$0")/common.sh"

expect_exit 2 hallmark --json complation
contains "$stderr" 'hallmark: error: unknown command "complation"'
python3 - "$stdout" <<'P'
import json, sys
answer = json.load(open(sys.argv[1]))
assert answer == {"error": {"fault": "usage", "exit": 2,
                            "message": 'unknown command "complation", did you mean "completion"?'}}, answer
P

# Bytes that are not UTF-8 do not spoil the object.
expect_exit 2 hallmark $'\xff' --json
python3 -c 'import json, sys; assert "\\xff" in json.load(open(sys.argv[1]))["error"]["message"]' "$stdout"

# Colour is for terminals, or for who asks.
expect_exit 2 hallmark complation
not grep -q $'\x1b' "$stderr"
expect_exit 2 hallmark --color=always complation
grep -q $'\x1b' "$stderr"
CLICOLOR_FORCE=1 expect_exit 2 hallmark complation
grep -q $'\x1b' "$stderr"
CLICOLOR_FORCE=1 NO_COLOR=1 expect_exit 2 hallmark complation
not grep -q $'\x1b' "$stderr"
status=0
TERM=xterm python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' \
  "$HALLMARK" complation >screen || status=$?
[[ $status == 2 ]]
grep -q $'\x1b\[1;31merror:\x1b\[0m unknown command' screen
