# Standard streams that are full, closed or go away.
. "$(dirname "$0")/common.sh"

# A full disk is an error, not a short answer.
status=0
hallmark completion bash >/dev/full 2>"$stderr" || status=$?
[[ $status == 5 ]]
contains "$stderr" 'standard output'
contains "$stderr" 'No space left on device'

# A closed standard output too, and no file opened later takes its place.
status=0
hallmark completion bash >&- 2>"$stderr" || status=$?
[[ $status == 5 ]]
contains "$stderr" 'standard output'

# Without standard error or input the answer still comes.
hallmark completion bash 2>&- <&- >"$stdout"
contains "$stdout" 'complete -F'
status=0
hallmark complation >&- 2>&- <&- || status=$?
[[ $status == 2 ]]

# A reader that has left ends the program quietly, by SIGPIPE as any filter.
python3 - "$HALLMARK" <<'P'
import os, signal, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
run = subprocess.run([sys.argv[1], "completion", "bash"], stdout=writer, stderr=subprocess.PIPE)
assert run.returncode == -signal.SIGPIPE and run.stderr == b"", run
P
