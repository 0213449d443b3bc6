# The answer does not depend on locale, time zone, terminal, umask or working folder.
. "$(dirname "$0")/common.sh"

hallmark --help >plain
LC_ALL=tr_TR.UTF-8 LANG=de_DE.UTF-8 LANGUAGE=fr TZ=Asia/Kathmandu hallmark --help >elsewhere
cmp plain elsewhere
env -i "$HALLMARK" --help >bare
cmp plain bare
(umask 0777; cd /; COLUMNS=20 TERM=xterm hallmark --help) >folder
cmp plain folder
