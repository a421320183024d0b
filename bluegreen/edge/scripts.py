"""What a switch runs in the edge: shell scripts, with @words@ for what only the moment knows."""

import shlex

from bluegreen.edge.follow import FOLLOWED
from bluegreen.edge.state import BOOTSTRAP, CONFIG_FOLDER, FLAGS, TRIAL_HOLD, WAITING

# Lists nginx's workers; the [s] keeps grep from finding itself.
WORKERS = "grep -lsa 'nginx: worker proces[s]' /proc/[0-9]*/cmdline || true"
LEAVING = "grep -lsa 'nginx: worker process is shutting dow[n]' /proc/[0-9]*/cmdline || true"

# Seconds. Longer than any act of a switch takes that does not give a sign of life meanwhile.
SILENCE = 25

TOOLS = f"""\
cd {CONFIG_FOLDER}
restore() {{
    [ -s stable.conf ] && back=stable.conf || back={BOOTSTRAP}
    [ -e waited ] && back={WAITING}  # it did not know what is live, and still does not
    cp $back restore.part && mv restore.part nginx.conf && nginx -c $PWD/nginx.conf -s reload
    let_go
}}
# What serves takes writes again; old workers of the other color still hold them back.
let_go() {{ rm -f {FLAGS}-$(head -n 1 nginx.conf | sed -n 's/.* color=\\([a-z]*\\) .*/\\1/p'); }}
{FOLLOWED}
go_back() {{
    if followed >/dev/null 2>&1; then
        let_go; echo "bluegreen: switch confirmed on another edge, stays" >/proc/1/fd/2; return
    fi
    restore >/dev/null 2>&1; echo "bluegreen: switch not confirmed, went back" >/proc/1/fd/2
}}
started() {{ cut -d " " -f 22 /proc/$1/stat 2>/dev/null; }}
alive() {{ [ "$(started $1)" = "$2" ]; }}
own() {{ echo "$$ $(started $$)" >switch.part && mv switch.part switch.pid; }}
"""

# One update at a time has the stack, so another switch in this edge is one whose update was
# killed: it is ended, and what it had on trial goes back.
CLAIM = f"""\
{TOOLS}
before=$(cat switch.pid 2>/dev/null)
own 2>/dev/null || true  # a disk that is full is told by what is written next
if [ -n "$before" ] && alive $before; then kill -9 ${{before% *}} && go_back; fi
rm -f waited pulse
if head -n 1 nginx.conf 2>/dev/null | grep -q '^# bluegreen waiting'; then touch waited; fi
"""

# Commit-confirmed: from `arm` to `confirm` the shell's end, for whatever reason, brings back
# the stable config from within the edge, with nobody else needed. A daemon restarted with
# live-restore leaves a shell that never hears of its end: then the trial's own end does it.
# And so does a driver that is not heard of, where it gives signs of life: see Nginx.pulse.
END_OF_TRIAL = f"""\
{TOOLS}
end=$(($(date +%s) + $2))
heard() {{ [ ! -e pulse ] || [ $(($(date +%s) - $(stat -c %Y pulse))) -lt {SILENCE} ]; }}
while [ "$(cat switch.pid)" = "$1" ] && [ $(date +%s) -lt $end ] && heard; do sleep 1; done
[ "$(cat switch.pid)" = "$1" ] && alive $1 && own && kill -9 ${{1% *}} && go_back &&
    rm -f switch.pid pulse
"""
# A shell of its own: a mere fork would keep the pipes of this one open beyond its end.
ARM = f"""\
{TOOLS}
trap go_back EXIT
trap 'exit 1' HUP INT TERM PIPE
sh -c {shlex.quote(END_OF_TRIAL)} trial "$(cat switch.pid)" @seconds@ </dev/null >/dev/null 2>&1 &
"""
CONFIRM = """\
cp nginx.conf stable.part && mv stable.part stable.conf && trap - EXIT && let_go &&
    rm -f switch.pid waited pulse
"""

# Until a switch to other data is confirmed, what is written to the target would be lost if it
# went back; and what is written to the outgoing color after its data was cloned is lost anyway.
HOLD = f"""\
{TOOLS}
if [ @token@ = {TRIAL_HOLD} ] || [ "$(cat @live@ 2>/dev/null)" = @token@ ]; then
    trap let_go EXIT
    trap 'exit 1' HUP INT TERM PIPE
    for flag in @flags@; do echo $$ >{FLAGS}.part && mv {FLAGS}.part $flag; done
else
    false
fi
"""
