import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Ask {
    public static void main(String[] args) throws Exception {
        String url = "https://api.mch.weixin.qq.com/v3/certificates";
        HttpURLConnection old = (HttpURLConnection) new URL(url).openConnection();
        System.out.println("HttpURLConnection " + old.getResponseCode());
        HttpResponse<String> answer = HttpClient.newHttpClient()
            .send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString());
        System.out.println("HttpClient " + answer.statusCode());
    }
}
