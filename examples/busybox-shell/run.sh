#!/bin/sh
# Pipes, subprocesses, redirections, signals and exit codes.
set -u
echo "$GREETING from $(pwd)"
echo "user $(id -u):$(id -g), groups $(id -G)"
echo "words: $(wc -l < /usr/share/words), longest: $(awk '{ print length, $0 }' /usr/share/words | sort -rn | head -n 1)"

# Three workers in the background, their results in order.
for number in 1 2 3; do
    (seq "$number" 3 | tr '\n' '+' | sed 's/+$/\n/' > "/tmp/result.$number") &
done
wait
cat /tmp/result.1 /tmp/result.2 /tmp/result.3

(exit 42)
echo "exit code $?"
sleep 60 &
kill -TERM $!
wait $!
echo "ended by signal $(($? - 128))"
mkfifo /tmp/pipe
echo "through a named pipe" > /tmp/pipe &
cat /tmp/pipe
