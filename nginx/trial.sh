# shellcheck shell=sh
# How a switch on trial ends without being confirmed, and whose it is.

restore() {
    if [ -e waited ]; then # it did not know what is live, and still does not
        take_turn && reload
    elif [ -s stable.conf ]; then
        say stable.conf
        flip "$(color stable.conf)" && load stable.conf
    else # no color was live
        rm -f nginx.conf green && reload
    fi
    let_go
}
# What serves takes writes again; what is in flight to the other color is held back.
let_go() { rm -f "$(flags)/held-$(color nginx.conf)"; }
go_back() {
    if followed >/dev/null 2>&1; then
        let_go
        echo "bluegreen: switch confirmed on another edge, kept" >>"$LOG"
        return
    fi
    locked restore >/dev/null 2>&1
    echo "bluegreen: switch not confirmed, reverted" >>"$LOG"
}
# This shell is the switch's: the next one knows it by that.
own() { echo "$$ $(started $$)" >switch.part && mv switch.part switch.pid; }
