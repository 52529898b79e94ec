import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Sends requests with Java's own client. Arguments: the PEM file of the authority to believe, then for each request {@code
 * get:COUNT:URL}, {@code post:BYTES:URL} or, without a length, {@code stream:BYTES:URL}. Prints a line for each answer: version, status, and the length of its body. All
 * requests of one argument run at the same time.
 */
public class Visitor {
    public static void main(String[] arguments) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream pem = new FileInputStream(arguments[0])) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        HttpClient client =
                HttpClient.newBuilder().sslContext(tls).version(HttpClient.Version.HTTP_2).build();
        for (int i = 1; i < arguments.length; i++) {
            String[] parts = arguments[i].split(":", 3);
            int number = Integer.parseInt(parts[1]);
            HttpRequest.Builder request =
                    HttpRequest.newBuilder(URI.create(parts[2])).timeout(Duration.ofSeconds(60));
            ArrayList<CompletableFuture<HttpResponse<byte[]>>> answers = new ArrayList<>();
            if (parts[0].equals("get")) {
                for (int j = 0; j < number; j++) {
                    answers.add(client.sendAsync(request.build(), BodyHandlers.ofByteArray()));
                }
            } else {
                HttpRequest.BodyPublisher body = BodyPublishers.ofByteArray(new byte[number]);
                boolean known = parts[0].equals("post");
                request.POST(known ? body : BodyPublishers.fromPublisher(body));
                answers.add(client.sendAsync(request.build(), BodyHandlers.ofByteArray()));
            }
            for (CompletableFuture<HttpResponse<byte[]>> answer : answers) {
                HttpResponse<byte[]> got = answer.get();
                System.out.println(got.version() + " " + got.statusCode() + " " + got.body().length);
            }
        }
    }
}
