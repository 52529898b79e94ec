package app;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Every request that this web application began to execute since it started or was reset, so that a
 * test can compare what the server did with what the clients saw. One per deployed context.
 *
 * <p>The ids of {@code X-Request-Id} also go into the file {@code executed.log} of CATALINA_BASE, a
 * line each, before anything is done: what a killed server began to execute stays known.
 */
final class Ledger {
    private static final int REMEMBERED = 1000;
    private static final Path EXECUTED = Path.of(System.getProperty("catalina.base"), "executed.log");

    /** One request. It is entered when it begins, so a torn or repeated one is in the book too. */
    static final class Entry {
        private final long number;
        private final String id;
        private final String method;
        private final String uri;
        private final String query;
        private String state = "running";
        private int status;

        private Entry(long number, HttpServletRequest request) {
            this.number = number;
            id = request.getHeader("X-Request-Id");
            method = request.getMethod();
            uri = request.getRequestURI();
            query = request.getQueryString();
        }

        /** Ends as {@code done}, or {@code failed: <exception>} when the servlet threw. */
        synchronized void end(int status, Throwable failure) {
            this.status = status;
            state = failure == null ? "done" : "failed: " + failure.getClass().getSimpleName();
        }

        private synchronized Map<String, Object> view() {
            Map<String, Object> view = new LinkedHashMap<>();
            view.put("number", number);
            view.put("id", id);
            view.put("method", method);
            view.put("uri", uri);
            view.put("query", query);
            view.put("state", state);
            view.put("status", status);
            return view;
        }
    }

    static final Ledger BOOK = new Ledger();

    private long total;
    private final Map<String, Long> byPath = new TreeMap<>();
    private final Map<String, Long> byId = new TreeMap<>();
    private final Deque<Entry> last = new ArrayDeque<>();

    private Ledger() {}

    synchronized Entry begin(HttpServletRequest request) {
        Entry entry = new Entry(++total, request);
        byPath.merge(request.getServletPath(), 1L, Long::sum);
        if (entry.id != null) {
            byId.merge(entry.id, 1L, Long::sum);
            append(entry.id);
        }
        last.addLast(entry);
        if (last.size() > REMEMBERED) {
            last.removeFirst();
        }
        return entry;
    }

    private static void append(String id) {
        try {
            Files.writeString(EXECUTED, id + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    synchronized void reset() {
        total = 0;
        byPath.clear();
        byId.clear();
        last.clear();
    }

    /** How many, in all and by servlet path. */
    synchronized Map<String, Object> counts() {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("total", total);
        view.put("byPath", new TreeMap<>(byPath));
        return view;
    }

    /** How many different ids came, which of them more than once, and the last requests, oldest first. */
    synchronized Map<String, Object> entries() {
        Map<String, Long> repeated = new TreeMap<>(byId);
        repeated.values().removeIf(times -> times == 1);
        List<Object> views = new ArrayList<>();
        last.forEach(entry -> views.add(entry.view()));
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("ids", byId.size());
        view.put("repeated", repeated);
        view.put("last", views);
        return view;
    }
}
