# Help, version, and what a mistyped command line is told.
. "$(dirname "$0")/common.sh"

expect_exit 0 hallmark --version
[[ $(cat "$stdout") =~ ^hallmark\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
[[ ! -s $stderr ]]

expect_exit 0 hallmark --help
contains "$stdout" 'Usage: hallmark [options] COMMAND ...'
[[ ! -s $stderr ]]
expect_exit 0 hallmark help
contains "$stdout" 'Usage: hallmark [options] COMMAND ...'
expect_exit 0 hallmark help completion
cp "$stdout" by-help
expect_exit 0 hallmark completion --help
cmp by-help "$stdout"
contains "$stdout" 'Usage: hallmark completion'

expect_exit 2 hallmark
contains "$stderr" 'hallmark: error: a command is missing'
contains "$stderr" "try 'hallmark --help'"
[[ ! -s $stdout ]]

expect_exit 2 hallmark complation bash
contains "$stderr" 'unknown command "complation", did you mean "completion"?'
expect_exit 2 hallmark --jason completion bash
contains "$stderr" 'unknown option "--jason", did you mean "--json"?'
expect_exit 2 hallmark completion --qiet bash
contains "$stderr" 'unknown option "--qiet", did you mean "--quiet"?'
contains "$stderr" "try 'hallmark completion --help'"
expect_exit 2 hallmark completion
contains "$stderr" 'shell is required'
expect_exit 2 hallmark completion bash zsh
contains "$stderr" 'unexpected argument "zsh"'
expect_exit 2 hallmark --color=maybe completion bash

# Arguments are bytes of any kind and length.
expect_exit 2 hallmark $'\xff\xfe\x1b[31m'
contains "$stderr" 'unknown command "\xff\xfe\x1b[31m"'
expect_exit 2 hallmark completion "$(printf 'x%.0s' {1..100000})"
expect_exit 2 hallmark ''
expect_exit 2 hallmark --
expect_exit 2 hallmark completion -- --json
contains "$stderr" '--json not in'
[[ ! -s $stdout ]]  # it was an argument
(exec -a '' "$HALLMARK" --version)
