# Sums the cost of a callgrind profile, per request: with `by=source` by the crate or file that a line stands in,
# inlined or not; with `by=function` by the function that it ended up in.

BEGIN { FS = "=" }

/^(fl|fi|fe|cfi|cfl)=/ {
    found = name_of("file", $0)
    if ($1 !~ /^c/) file = found
    next
}

/^c?fn=/ {
    found = name_of("function", $0)
    if ($1 == "fn") function_name = found
    next
}

# The next line is what the callee cost, which is counted there.
/^calls=/ { skip = 1; next }

/^[0-9+*-]/ {
    if (!skip) {
        split($0, field, " ")
        cost[by == "source" ? source(file) : function_name] += field[2]
    }
    skip = 0
}

END {
    for (name in cost) printf "%8.0f  %s\n", cost[name] / count, name
}

# Names are written once, with a number that stands for them from then on.
function name_of(kind, line,    name, key) {
    name = substr(line, index(line, "=") + 1)
    if (!match(name, /^\([0-9]+\)/)) return name
    key = kind substr(name, 1, RLENGTH)
    if (length(name) > RLENGTH) names[key] = substr(name, RLENGTH + 2)
    return names[key]
}

function source(file,    part, parts, i) {
    parts = split(file, part, "/")
    for (i = 1; i < parts; i++) {
        if (part[i] == "registry" && part[i + 1] == "src") return part[i + 3]
        if (part[i] == "library") return "Rust's " part[i + 1]
        if (part[i] == "sysdeps") return "glibc: " part[parts]
    }
    sub("^" root "/", "", file)
    return file == "???" ? "unknown" : file
}
