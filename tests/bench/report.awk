# Turns the rows of run.sh into tables of medians. `order` has the contestants, `builds` those that are ajpgate; the first
# of them is held to the bars in the file `bars`. Values for the chart are written to the file `chart`.

BEGIN {
    FS = ","
    columns = split(order, column, " ")
    mine = split(builds, build, " ")
    while ((getline line < bars) > 0)
        if (line !~ /^#/) bar[++bar_count] = line
}

FNR == 1 { next }

# A row of memory has another form: bytes of an idle connection, bytes without connections.
$1 ~ /^memory/ {
    memory[$1, $3] = $5
    memory_before[$1, $3] = $6
    memories[$1] = 1
    present[$3] = 1
    next
}

{
    load = $1; round = $2; name = $3
    if (!(load in seen)) {
        seen[load] = 1
        row[++rows] = load
    }
    if (round > rounds) rounds = round
    present[name] = 1
    at = load SUBSEP name SUBSEP round
    cpu[at] = $12
    # Ticks are coarse, but their parts are those of the exact time.
    user[at] = $10 + $11 > 0 ? $12 * $10 / ($10 + $11) : 0
    rate[at] = $4 / $5
    p99[at] = $7
    p999[at] = $8
    errors[load, name] += $9
}

END {
    drop_absent_columns()
    table_of_bars()
    if ("haproxy" in present) table("CPU per request, as a multiple of HAProxy's in the same round", cpu, "haproxy", "%.2f")
    for (i = 1; i <= mine; i++)
        if (build[i] in present) rivals(build[i])
    table("CPU µs per request (user + system)", cpu, "", "%.1f")
    table("of which user µs", user, "", "%.1f")
    table("Requests per second", rate, "", "%.0f")
    table("p99 latency, ms", p99, "", "%.2f")
    table("p99.9 latency, ms", p999, "", "%.2f")
    table_of_memory()
    for (i = 1; i <= rows; i++)
        for (j = 1; j <= columns; j++)
            if (errors[row[i], column[j]] > 0)
                printf "\n**%d errors** of %s in %s.\n", errors[row[i], column[j]], column[j], row[i]
}

function drop_absent_columns(    j, kept) {
    for (j = 1; j <= columns; j++)
        if (column[j] in present) column[++kept] = column[j]
    columns = kept
}

# One row for each bar that was measured, one column for each contestant.
function table_of_bars(    i, j, field, value, met) {
    heading("What is held: medians, and whether ajpgate's meets the bar", "")
    printf " bar | goal | |\n|---|"
    for (j = 1; j <= columns + 2; j++) printf "--:|"
    print "---|"
    for (i = 1; i <= bar_count; i++) {
        split(bar[i], field, ";")
        value = held(field[1], field[2], build[1])
        if (value == "–") continue
        printf "| %s |", field[3]
        for (j = 1; j <= columns; j++) {
            printf " %s |", held(field[1], field[2], column[j])
            if (field[2] == "haproxy") print field[3] ";" column[j] ";" held(field[1], field[2], column[j]) > chart
        }
        met = value + 0 <= field[4] + 0
        printf " ≤ %s | %s | %s |\n", field[4], field[5], met ? "met" : "**not met**"
    }
}

# The value of a contestant that a bar is about.
function held(load, by, name) {
    if (by == "bytes") return (load, name) in memory ? memory[load, name] : "–"
    if (by == "ms") return thousandth(cell(cpu, load, name, load, "", "%.3f"))
    if (by == "p99") return cell(p99, load, name, load, "haproxy", "%.2f")
    if (by == "p999") return cell(p999, load, name, load, "haproxy", "%.2f")
    if (by == "haproxy") return cell(cpu, load, name, load, "haproxy", "%.2f")
    return cell(cpu, load, name, by, name, "%.2f")
}

function thousandth(text) {
    return text == "–" ? text : sprintf("%.1f", text / 1000)
}

function heading(title, left_out,    j) {
    printf "\n## %s\n\n| |", title
    for (j = 1; j <= columns; j++) if (column[j] != left_out) printf " %s%s |", left_out == "" ? "" : "÷ ", column[j]
}

# One row for each load, one column for each contestant; divided by `base` of the same round if there is one.
function table(title, values, base, form,    i, j) {
    heading(title, "")
    printf "\n|---|"
    for (j = 1; j <= columns; j++) printf "--:|"
    print ""
    for (i = 1; i <= rows; i++) {
        printf "| %s |", row[i]
        for (j = 1; j <= columns; j++) printf " %s |", cell(values, row[i], column[j], row[i], base, form)
        print ""
    }
}

# A build of ajpgate as a multiple of each of the others.
function rivals(name,    i, j) {
    heading("CPU per request of " name ", as a multiple of the others' in the same round", name)
    printf "\n|---|"
    for (j = 1; j < columns; j++) printf "--:|"
    print ""
    for (i = 1; i <= rows; i++) {
        printf "| %s |", row[i]
        for (j = 1; j <= columns; j++)
            if (column[j] != name) printf " %s |", cell(cpu, row[i], name, row[i], column[j], "%.2f")
        print ""
    }
}

function table_of_memory(    load, j) {
    for (load in memories) {
        printf "\n## %s (PSS), bytes\n\n| | per idle connection | without connections |\n|---|--:|--:|\n", load
        for (j = 1; j <= columns; j++)
            if ((load, column[j]) in memory)
                printf "| %s | %d | %d |\n", column[j], memory[load, column[j]], memory_before[load, column[j]]
    }
}

# The median over the rounds of a value, divided by another load's or contestant's value of the same round, if `base` is set.
function cell(values, load, name, base_load, base, form,    round, at, by, found, list) {
    for (round = 1; round <= rounds; round++) {
        at = load SUBSEP name SUBSEP round
        by = base_load SUBSEP base SUBSEP round
        if (!(at in values) || (base != "" && !(by in values && values[by] > 0))) continue
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
