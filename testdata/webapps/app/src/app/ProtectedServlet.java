package app;

import jakarta.servlet.annotation.HttpConstraint;
import jakarta.servlet.annotation.ServletSecurity;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code /protected}: for any authenticated user, and says who that is. Tomcat asks for Basic
 * credentials, unless the front end vouches for the user ({@code tomcatAuthentication="false"}).
 */
@WebServlet("/protected")
@ServletSecurity(@HttpConstraint(rolesAllowed = "**"))
public final class ProtectedServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("node", LedgerFilter.node(request));
        answer.put("remoteUser", request.getRemoteUser());
        answer.put("authType", request.getAuthType());
        answer.put("tester", request.isUserInRole("tester"));
        Json.send(response, answer);
    }
}
