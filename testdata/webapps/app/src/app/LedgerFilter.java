package app;

import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebFilter;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Set;

/** Signs every answer with {@code X-Node} and enters every request but the questions about them. */
@WebFilter(urlPatterns = "/*", asyncSupported = true)
public final class LedgerFilter extends HttpFilter {
    private static final Set<String> QUESTIONS = Set.of("/counter", "/log");

    @Override
    protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        response.setHeader("X-Node", node(request));
        if (QUESTIONS.contains(request.getServletPath())) {
            chain.doFilter(request, response);
            return;
        }
        Ledger.Entry entry = Ledger.BOOK.begin(request);
        try {
            chain.doFilter(request, response);
        } catch (IOException | ServletException | RuntimeException | Error e) {
            entry.end(response.getStatus(), e);
            throw e;
        }
        if (request.isAsyncStarted()) {
            request.getAsyncContext().addListener(new EndOf(entry, response));
        } else {
            entry.end(response.getStatus(), null);
        }
    }

    /** The name this server goes by: the jvmRoute of its Engine, told to it as a context parameter. */
    static String node(HttpServletRequest request) {
        String node = request.getServletContext().getInitParameter("node");
        return node == null ? "" : node;
    }

    private record EndOf(Ledger.Entry entry, HttpServletResponse response) implements AsyncListener {
        @Override
        public void onComplete(AsyncEvent event) {
            entry.end(response.getStatus(), event.getThrowable());
        }

        @Override
        public void onTimeout(AsyncEvent event) {}

        @Override
        public void onError(AsyncEvent event) {
            entry.end(response.getStatus(), event.getThrowable());
        }

        @Override
        public void onStartAsync(AsyncEvent event) {}
    }
}
