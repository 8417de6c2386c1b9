#!/bin/sh
# fail2ban.sh FOLDER LOG FILTER: who a real fail2ban bans. LOG's stamps are moved to the last minutes;
# FILTER is what `fwstat suggest --format fail2ban` wrote: a filter and a jail. Nothing outside of
# FOLDER is read or written, and no packet filter is touched.
set -eu
W=$1 LOG=$2 FILTER=$3
mkdir -p "$W/etc/filter.d" "$W/etc/action.d" "$W/etc/jail.d"
NOW=$(date +%s) LINES=$(wc -l < "$LOG")
# Every line one of the last 300 seconds, in order.
for i in $(seq 0 299); do date -d "@$((NOW - 300 + i))" '+%b %e %T'; done > "$W/stamps"
awk -v n="$LINES" 'NR == FNR { stamp[FNR - 1] = $0; next } { print stamp[int((FNR - 1) * 300 / n)] substr($0, 16) }' \
    "$W/stamps" "$LOG" > "$W/kern.log"
sed -n '/^\[Definition\]/,/^$/p' "$FILTER" > "$W/etc/filter.d/fwstat.conf"
{
    printf '[DEFAULT]\nbanaction = none\nbanaction_allports = none\naction = none[]\nbackend = polling\nusedns = no\n'
    sed -n '/^\[fwstat\]/,$p' "$FILTER" | sed "s,^logpath .*,logpath = $W/kern.log,"
} > "$W/etc/jail.conf"
printf '[Definition]\nactionban = true\nactionunban = true\n' > "$W/etc/action.d/none.conf"
printf '[Definition]\nloglevel = ERROR\nlogtarget = %s\nsyslogsocket = auto\nsocket = %s\npidfile = %s\ndbfile = None\ndbpurgeage = 1d\ndbmaxmatches = 10\n' \
    "$W/log" "$W/sock" "$W/pid" > "$W/etc/fail2ban.conf"
client() { fail2ban-client -c "$W/etc" -s "$W/sock" -p "$W/pid" "$@"; }
client start >/dev/null 2>&1
trap 'client stop >/dev/null 2>&1 || true' EXIT
# Until it has read everything: the number of banned stays the same.
last=x
for i in $(seq 60); do
    sleep 1
    now=$(client status fwstat | tr -d '\n')
    [ "$now" = "$last" ] && [ "$i" -gt 5 ] && break
    last=$now
done
client get fwstat banip
