ARG BASE="ubuntu:22.04"
ARG WITH_SPACES='a b  c' EMPTY="" \
    LAST=tail
FROM \
    # the base of everything
    "${BASE}" \
    AS base

ENV A=1 \
    B="two words" \
    C='single $quoted'

RUN echo "it's" \\done && printf '%s\n' "a\
b"
LABEL multi.label1="value1" \

      multi.label2="value2"
FROM base
CMD echo "FROM nothing"
