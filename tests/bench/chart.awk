# Draws `title;contestant;value` lines of report.awk as an SVG of horizontal bars, for the README.
# Its colours follow the reader's light or dark mode.

BEGIN {
    FS = ";"
    width = 720; left = 250; right = 60
    bar_height = 9; gap = 2; between = 12; top = 52
    most = 3.5
    names["ajpgate"] = "ajpgate (AJP13)"
    names["ajpgate-http"] = "ajpgate (HTTP)"
    names["mod_proxy_ajp"] = "mod_proxy_ajp"
    names["mod_jk"] = "mod_jk"
    names["nginx"] = "nginx"
}

# HAProxy is the line at 1.
$2 == "haproxy" || $3 == "–" { next }

{
    if (!($1 in place)) {
        place[$1] = ++titles
        title[titles] = $1
    }
    if (!($2 in column)) {
        column[$2] = ++columns
        contestant[columns] = $2
    }
    value[$1, $2] = $3
}

END {
    group = columns * (bar_height + gap) + between
    height = top + titles * group + 24
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\"", width, height
    print " font-family=\"system-ui, sans-serif\" font-size=\"11\">"
    print "<title>CPU time of a request, as a multiple of HAProxy's</title>"
    style()
    legend()
    for (i = 0; i <= most; i += 0.5) grid(i)
    for (i = 1; i <= titles; i++) bars(title[i], top + (i - 1) * group)
    print "</svg>"
}

function style() {
    print "<style>"
    print "  text { fill: #24292f } .grid { stroke: #d0d7de } .one { stroke: #57606a; stroke-width: 1.5 }"
    print "  .ajpgate { fill: #0969da } .ajpgate-http { fill: #54aeff } .mod_proxy_ajp { fill: #bc4c00 }"
    print "  .mod_jk { fill: #e7a35c } .nginx { fill: #8c959f } .own { font-weight: 600 }"
    print "  @media (prefers-color-scheme: dark) {"
    print "    text { fill: #e6edf3 } .grid { stroke: #30363d } .one { stroke: #9198a1 }"
    print "    .ajpgate { fill: #58a6ff } .ajpgate-http { fill: #1f6feb } .mod_proxy_ajp { fill: #f0883e }"
    print "    .mod_jk { fill: #9e6a03 } .nginx { fill: #6e7681 }"
    print "  }"
    print "</style>"
}

function legend(    i, x) {
    x = 10
    for (i = 1; i <= columns; i++) {
        printf "<rect class=\"%s\" x=\"%d\" y=\"10\" width=\"12\" height=\"10\"/>", contestant[i], x
        printf "<text x=\"%d\" y=\"19\">%s</text>\n", x + 16, names[contestant[i]]
        x += 30 + 6.6 * length(names[contestant[i]])
    }
}

function at(number) {
    return left + number / most * (width - left - right)
}

function grid(number) {
    printf "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", number == 1 ? "one" : "grid", at(number), \
        at(number), top - 6, height - 18
    printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at(number), top - 12, \
        number == 1 ? "HAProxy" : number
}

function bars(name, y,    i, here, much) {
    printf "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", left - 10, y + columns * (bar_height + gap) / 2 + 4, name
    for (i = 1; i <= columns; i++) {
        if (!((name, contestant[i]) in value)) continue
        much = value[name, contestant[i]]
        here = y + (i - 1) * (bar_height + gap)
        printf "<rect class=\"%s\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>", contestant[i], left, here, \
            at(much > most ? most + 0.1 : much) - left, bar_height
        printf "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" font-size=\"9\">%s</text>\n", contestant[i] == "ajpgate" ? "own" : "", \
            at(much > most ? most + 0.1 : much) + 4, here + bar_height - 1, much
    }
}
