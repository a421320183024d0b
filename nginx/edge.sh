# shellcheck shell=sh
# Functions that all scripts here use, in the folder with the edge's configs:
#   nginx.conf   what nginx runs
#   next.conf    what it shall run
#   stable.conf  the last config that went through a whole switch
# What they need to know is given by bluegreen/edge/scripts.py, in words of capital letters.

# generation CONFIG: its number; 0 for a config without one, and for none at all.
generation() {
    sed -n '1s/.* generation=\([0-9]*\) .*/\1/p' "$1" 2>/dev/null | grep . || echo 0
}
# take CONFIG: make it the one that nginx runs, once it is reloaded.
take() { cp "$1" take.$$ && mv take.$$ nginx.conf; }
reload() { nginx -c "$PWD/nginx.conf" -s reload; }
# A process is known by its number and the moment it started: numbers are used again.
started() { cut -d ' ' -f 22 "/proc/$1/stat" 2>/dev/null; }
alive() { [ "$(started "${1% *}")" = "${1#* }" ]; }
