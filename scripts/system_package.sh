#!/bin/sh
# See that something from the operating system is there; install it where that is possible,
# which is as root on Debian and its relatives. Ends with status 0 if it is there.
#   usage: scripts/system_package.sh chromium | lme4 | openblas | NAME-OF-A-DEBIAN-PACKAGE
set -eu

wanted=$1

# What drives the browser is built against libatomic, which a bare system lacks.
has_libatomic() {
    [ ! -x /sbin/ldconfig ] || /sbin/ldconfig -p | grep -q 'libatomic\.so\.1'
}

present() {
    case $wanted in
    chromium)
        has_libatomic || return 1
        for browser in chromium chromium-browser google-chrome google-chrome-stable; do
            "$browser" --version >/dev/null 2>&1 && return 0
        done
        return 1
        ;;
    lme4) Rscript -e 'library(lme4)' >/dev/null 2>&1 ;;
    openblas)
        Rscript -e 'used <- c(extSoftVersion()[["BLAS"]], La_library())
            quit(status = !any(grepl("openblas|mkl|blis|accelerate", used, ignore.case = TRUE)))' \
            >/dev/null 2>&1
        ;;
    *) dpkg -s "$wanted" >/dev/null 2>&1 ;;
    esac
}

case $wanted in
chromium)
    what="Chromium with what drives it"
    packages="chromium fonts-liberation libatomic1"
    ;;
lme4)
    what="R with lme4"
    packages="r-base-core r-cran-lme4"
    ;;
openblas)
    what="An optimised BLAS for R"
    packages="libopenblas0-pthread"
    ;;
*)
    what=$wanted
    packages=$wanted
    ;;
esac

present && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $what with apt-get."
    export DEBIAN_FRONTEND=noninteractive
    apt="apt-get -qq -o DPkg::Lock::Timeout=300"
    log=$(mktemp)
    # shellcheck disable=SC2086
    if { $apt update && $apt install -y --no-install-recommends $packages; } >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        present && exit 0
    else
        tail -n 5 "$log" >&2
        rm -f "$log"
    fi
fi

echo "$what is not here and could not be installed; on Debian or Ubuntu: apt-get install $packages" >&2
exit 1
