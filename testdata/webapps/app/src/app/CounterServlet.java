package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code /counter} says how many requests this node executed, {@code /log} which ones. Asking is
 * not counted. {@code ?reset=1} answers with the old state and then forgets it.
 */
@WebServlet({"/counter", "/log"})
public final class CounterServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("node", LedgerFilter.node(request));
        answer.putAll(request.getServletPath().equals("/log") ? Ledger.BOOK.entries() : Ledger.BOOK.counts());
        if (Query.of(request).flag("reset")) {
            Ledger.BOOK.reset();
        }
        Json.send(response, answer);
    }
}
