# What doctor says of this machine: problems come with a remedy, and the exit status is the verdict.
. "$(dirname "$0")/common.sh"

status=0
hallmark doctor >"$stdout" 2>"$stderr" || status=$?
[[ $status == 0 || $status == 5 ]]
for name in kernel 'sandbox native' 'sandbox bwrap' store gpgv 'Debian mirrors'; do
  grep -qE "^(ok|problem) +$name: ." "$stdout"
done
if [[ $status == 0 ]]; then contains "$stdout" 'A build can run here.'; else contains "$stdout" 'No build can run here.'; fi

status_json=0
hallmark doctor --json >"$stdout" 2>"$stderr" || status_json=$?
[[ $status_json == "$status" ]]
python3 - "$stdout" "$status" "$source_dir/specs/schemas/doctor-v1.schema.json" <<'PY'
import json, sys
import jsonschema
report = json.load(open(sys.argv[1]))
assert report["can_build"] == (sys.argv[2] == "0"), report
jsonschema.validate(report, json.load(open(sys.argv[3])))
for finding in report["findings"]:
    assert finding["ok"] or finding["remedy"], finding
PY

# A store that cannot be: no build, whatever the sandboxes can do.
expect_exit 5 env HALLMARK_STORE=/proc/nowhere "$HALLMARK" doctor
contains "$stdout" 'problem  store: /proc'
contains "$stdout" 'set HALLMARK_STORE'
