#!/bin/sh
# Installs Pumasi for one person, without an administrator.
#
#   ./install.sh                into ~/.local
#   ./install.sh --prefix DIR   elsewhere
#   ./install.sh --remove       takes it away again; its data stays
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${HOME:?no home directory: say where with --prefix DIR}/.local
remove=
while [ $# -gt 0 ]; do
    case "$1" in
    --prefix) prefix=${2:?--prefix needs a folder}; shift 2 ;;
    --remove) remove=yes; shift ;;
    *) echo "install.sh: what is $1? There is --prefix DIR and --remove" >&2; exit 2 ;;
    esac
done
# What belongs to it, as paths below the prefix.
files() { (cd "$here" && find bin lib share -type f); }

if [ -n "$remove" ]; then
    if [ -x "$prefix/bin/pumasi" ] && "$prefix/bin/pumasi" service status --json 2>/dev/null | grep -q '"installed":true'; then
        "$prefix/bin/pumasi" service remove
    fi
    files | while read -r file; do rm -f "$prefix/$file"; done
    for folder in lib/pumasi share/doc/pumasi; do rmdir "$prefix/$folder" 2>/dev/null || true; done
    echo "Pumasi is gone from $prefix; its data is still in ~/.local/share/pumasi"
    exit
fi
files | while read -r file; do
    mkdir -p "$prefix/$(dirname "$file")"
    # Beside it and then in its place: a program that runs keeps its own file.
    cp "$here/$file" "$prefix/$file.new"
    mv -f "$prefix/$file.new" "$prefix/$file"
done
echo "Pumasi is in $prefix/bin/pumasi"
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) echo "Add $prefix/bin to your PATH to run it as \`pumasi\`" ;;
esac
echo "Start it now and whenever you log in: pumasi service install"
