#!/usr/bin/env bash
# Exit code 0 if the AJP connector answers CPING with CPONG within two seconds.
exec 3<>/dev/tcp/127.0.0.1/8009 || exit 1
printf '\x12\x34\x00\x01\x0a' >&3
[[ $(timeout 2 head -c 5 <&3 | od -An -tx1) == ' 41 42 00 01 09' ]]
