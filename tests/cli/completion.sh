# The completion scripts: accepted by their shells, and bash really completes.
. "$(dirname "$0")/common.sh"

hallmark completion bash >hallmark.bash
bash -n hallmark.bash
hallmark completion zsh >_hallmark
hallmark completion fish >hallmark.fish
! command -v zsh >/dev/null || zsh -n _hallmark
! command -v fish >/dev/null || fish --no-execute hallmark.fish

# complete WORD...: what bash would offer for the last word.
complete_words() {
  bash --norc -c '
    . ./hallmark.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    compopt() { :; }  # needs a real completion
    _hallmark
    printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

complete_words hallmark comp | grep -qx completion
complete_words hallmark '' | grep -qx completion
complete_words hallmark --js | grep -qx -- --json
complete_words hallmark completion '' >offered
[[ $(sort offered | tr '\n' ' ') == 'bash fish zsh ' ]]
complete_words hallmark completion --col | grep -qx -- --color
complete_words hallmark --color '' | grep -qx never
# An option's value is no command.
complete_words hallmark --color always comp | grep -qx completion

# The same by keys, in an interactive bash on a terminal of its own.
python3 - <<'P'
import os, pty, select, time
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1="ready> ", TERM="dumb", INPUTRC="/dev/null")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
seen = b""
def read_until(text):
    global seen
    end = time.monotonic() + 30
    while text not in seen:
        assert time.monotonic() < end, (text, seen)
        if select.select([fd], [], [], 1)[0]:
            seen += os.read(fd, 4096)
    seen = seen[seen.index(text) + len(text):]
read_until(b"ready> ")
os.write(fd, b". ./hallmark.bash\n")
read_until(b"ready> ")
os.write(fd, b"hallmark comple\t")
read_until(b"completion ")
os.write(fd, b"fi\t")
read_until(b"fish ")
os.write(fd, b"\x15exit\n")
os.waitpid(pid, 0)
P
