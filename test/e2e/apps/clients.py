"""What Python programs use to reach a host, and the status that each of them got."""
import json
import urllib.error
import urllib.request

URL = "https://api.mch.weixin.qq.com/v3/certificates"
said = {}
try:
    urllib.request.urlopen(urllib.request.Request(URL, headers={"Accept": "application/json"}))
except urllib.error.HTTPError as error:
    said["urllib"] = error.code
try:
    import requests
except ImportError:
    said["requests"] = None
else:
    said["requests"] = requests.get(URL).status_code
print(json.dumps(said))
