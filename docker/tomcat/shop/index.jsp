<%@ page contentType="text/plain; charset=UTF-8" import="java.util.concurrent.atomic.AtomicInteger" %><%--
  The session of a shopper, and how often it was here. `?ms=M` takes M milliseconds, ten seconds at most;
  `?status=N` answers with that status.
--%><%
    AtomicInteger visits;
    synchronized (application) {
        visits = (AtomicInteger) session.getAttribute("visits");
        if (visits == null) {
            visits = new AtomicInteger();
            session.setAttribute("visits", visits);
        }
    }
    if (request.getParameter("ms") != null) {
        Thread.sleep(Math.min(10_000, Long.parseLong(request.getParameter("ms"))));
    }
    if (request.getParameter("status") != null) {
        response.setStatus(Integer.parseInt(request.getParameter("status")));
    }
%><%= System.getenv("JVM_ROUTE") %>: session <%= session.getId() %>, visit <%= visits.incrementAndGet() %>
