package app;

import jakarta.servlet.http.HttpServletRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The parameters of the query string, and of nothing else.
 *
 * <p>{@code getParameter} would read a form out of the request body, which the tests want to read,
 * or leave unread, themselves. Values are decoded as ISO-8859-1, so that {@code %E9} or {@code %0D}
 * becomes exactly that one byte in a response header. What is badly encoded stands for itself: it may
 * be there for {@code getQueryString} alone.
 */
final class Query {
    private record Pair(String name, String value) {}

    private final List<Pair> pairs = new ArrayList<>();

    private Query(String raw) {
        for (String part : raw.split("&")) {
            int equals = part.indexOf('=');
            if (equals > 0) {
                pairs.add(new Pair(decode(part.substring(0, equals)), decode(part.substring(equals + 1))));
            }
        }
    }

    static Query of(HttpServletRequest request) {
        String raw = request.getQueryString();
        return new Query(raw == null ? "" : raw);
    }

    /** The first value of that name, or the default. */
    String text(String name, String otherwise) {
        for (Pair pair : pairs) {
            if (pair.name.equals(name)) {
                return pair.value;
            }
        }
        return otherwise;
    }

    /** Every value of that name, in order. */
    List<String> all(String name) {
        return pairs.stream().filter(pair -> pair.name.equals(name)).map(Pair::value).toList();
    }

    boolean has(String name) {
        return text(name, null) != null;
    }

    /** Whether a switch such as {@code ?flush=1} is on. */
    boolean flag(String name) {
        return text(name, "0").equals("1");
    }

    /** A number, held between 0 and a limit so that no test can hang or drown the server. */
    long number(String name, long otherwise, long limit) {
        String value = text(name, null);
        return value == null ? otherwise : Math.max(0, Math.min(limit, Long.parseLong(value)));
    }

    private static String decode(String raw) {
        try {
            return URLDecoder.decode(raw, StandardCharsets.ISO_8859_1);
        } catch (IllegalArgumentException badlyEncoded) {
            return raw;
        }
    }
}
