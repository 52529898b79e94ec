# Turns the rows of run.sh into tables of medians. Columns follow `order`; `builds` are those of ajpgate.

BEGIN {
    FS = ","
    columns = split(order, column, " ")
    mine = split(builds, build, " ")
}

FNR > 1 {
    scenario = $1; round = $2; name = $3
    if (!(scenario in seen)) {
        seen[scenario] = 1
        row[++rows] = scenario
    }
    if (round > rounds) rounds = round
    at = scenario SUBSEP name SUBSEP round
    cpu[at] = $9 + $10
    user[at] = $9
    rate[at] = $4 / $5
    p99[at] = $7
    errors[scenario, name] += $8
}

END {
    for (i = 1; i <= columns; i++) present[column[i]] = 1
    if ("haproxy" in present)
        table("CPU per request, as a multiple of HAProxy's in the same round", cpu, "haproxy", "%.2f")
    for (i = 1; i <= mine; i++)
        if (build[i] in present) rivals(build[i])
    table("CPU µs per request (user + system)", cpu, "", "%.1f")
    table("of which user µs", user, "", "%.1f")
    table("Requests per second", rate, "", "%.0f")
    table("p99 latency, ms", p99, "", "%.2f")
    for (i = 1; i <= rows; i++)
        for (j = 1; j <= columns; j++)
            if (errors[row[i], column[j]] > 0)
                printf "\n**%d errors** of %s in %s.\n", errors[row[i], column[j]], column[j], row[i]
}

# One row for each scenario, one column for each contestant; divided by `base` of the same round if there is one.
function table(title, values, base, form,    i, j) {
    printf "\n## %s\n\n| scenario |", title
    for (j = 1; j <= columns; j++) printf " %s |", column[j]
    printf "\n|---|"
    for (j = 1; j <= columns; j++) printf "--:|"
    print ""
    for (i = 1; i <= rows; i++) {
        printf "| %s |", row[i]
        for (j = 1; j <= columns; j++) printf " %s |", cell(values, row[i], column[j], base, form)
        print ""
    }
}

# A build of ajpgate as a multiple of each of the others.
function rivals(name,    i, j) {
    printf "\n## CPU per request of %s, as a multiple of the others' in the same round\n\n| scenario |", name
    for (j = 1; j <= columns; j++) if (column[j] != name) printf " ÷ %s |", column[j]
    printf "\n|---|"
    for (j = 1; j <= columns; j++) if (column[j] != name) printf "--:|"
    print ""
    for (i = 1; i <= rows; i++) {
        printf "| %s |", row[i]
        for (j = 1; j <= columns; j++)
            if (column[j] != name) printf " %s |", cell(cpu, row[i], name, column[j], "%.2f")
        print ""
    }
}

function cell(values, scenario, name, base, form,    round, at, by, found, list) {
    for (round = 1; round <= rounds; round++) {
        at = scenario SUBSEP name SUBSEP round
        by = scenario SUBSEP base SUBSEP round
        if (!(at in values) || (base != "" && !(values[by] > 0))) continue
        list[++found] = base == "" ? values[at] : values[at] / values[by]
    }
    return found ? sprintf(form, median(list, found)) : "–"
}

function median(list, count,    i, j, value) {
    for (i = 2; i <= count; i++) {
        value = list[i]
        for (j = i - 1; j > 0 && list[j] > value; j--) list[j + 1] = list[j]
        list[j + 1] = value
    }
    return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
}
