# shellcheck shell=sh
# How a switch on trial ends without being confirmed, and whose it is.

restore() {
    back=$BOOTSTRAP
    [ -s stable.conf ] && back=stable.conf
    [ -e waited ] && back=$WAITING # it did not know what is live, and still does not
    cp "$back" restore.part && mv restore.part nginx.conf && reload
    let_go
}
# What serves takes writes again; old workers of the other color still hold them back.
let_go() { rm -f "$HELD-$(head -n 1 nginx.conf | sed -n 's/.* color=\([a-z]*\) .*/\1/p')"; }
go_back() {
    if followed >/dev/null 2>&1; then
        let_go
        echo "bluegreen: switch confirmed on another edge, kept" >"$LOG"
        return
    fi
    restore >/dev/null 2>&1
    echo "bluegreen: switch not confirmed, reverted" >"$LOG"
}
# This shell is the switch's: the next one knows it by that.
own() { echo "$$ $(started $$)" >switch.part && mv switch.part switch.pid; }
