"""Fails if what our service shows at /openapi.json is no valid OpenAPI 3.1, or says nothing of the service."""

import json
import sys
from urllib.request import urlopen

from openapi_spec_validator import OpenAPIV31SpecValidator

with urlopen(f"http://{sys.argv[1]}/openapi.json", timeout=20) as page:
    document = json.load(page)

assert document["openapi"].startswith("3.1."), document["openapi"]
OpenAPIV31SpecValidator(document).validate()
for name in ["Hello", "Count", "Sum", "Echo"]:
    assert "post" in document["paths"][f"/greeter/Greeter.{name}"], document["paths"]
