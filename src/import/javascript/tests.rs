use super::*;

#[test]
fn what_only_compares_has_an_assert_and_the_rest_has_none() {
    for (code, wanted) in [
        ("output.length < 100", json!([{"type": "length", "value": {"max": 99}}])),
        ("return output.includes('yes');", json!([{"type": "contains", "value": "yes"}])),
        ("!output.toLowerCase().includes(\"sorry\")", json!([{"type": "not-icontains", "value": "sorry"}])),
        (
            "JSON.parse(output).status === 'ok'",
            json!([{"type": "json-path", "path": "$.status", "equals": "ok"}]),
        ),
        (
            "const r = JSON.parse(output); return r.items.length >= 2 && r.items[0].price > 1.5;",
            json!([{"type": "json-path", "path": "$.items", "length": {"min": 2}},
                   {"type": "json-path", "path": "$.items[0].price", "gt": 1.5}]),
        ),
        (
            "// the mood\noutput.mood === 'good' && output.tags.length > 0",
            json!([{"type": "json-path", "path": "$.mood", "equals": "good"},
                   {"type": "json-path", "path": "$.tags", "length": {"min": 1}}]),
        ),
        (
            "JSON.parse(output).kind !== 'error'",
            json!([{"type": "is-json"}, {"type": "not-json-path", "path": "$.kind", "equals": "error"}]),
        ),
        (
            "output.includes('a') || output.includes('b')",
            json!([{"type": "contains-any", "value": ["a", "b"]}]),
        ),
        (
            "const v = output.toLowerCase(); ['next step', 'owner'].some(s => v.includes(s))",
            json!([{"type": "icontains-any", "value": ["next step", "owner"]}]),
        ),
        (
            "['A', 'b'].every(w => output.includes(w));",
            json!([{"type": "contains-all", "value": ["A", "b"]}]),
        ),
        (
            "return output && typeof output === 'string' && output.includes('![')",
            json!([{"type": "length", "value": {"min": 1}}, {"type": "contains", "value": "!["}]),
        ),
        (
            "const a = JSON.parse(output); return a.kind === 'a' && a.a.length > 0",
            json!([{"type": "json-path", "path": "$.kind", "equals": "a"},
                   {"type": "json-path", "path": "$.a", "length": {"min": 1}}]),
        ),
        (
            r"output.includes('a\tb') && output.includes('C:\\new')",
            json!([{"type": "contains", "value": "a\tb"}, {"type": "contains", "value": "C:\\new"}]),
        ),
        (
            "output.includes('a && b || output.c')",
            json!([{"type": "contains", "value": "a && b || output.c"}]),
        ),
        ("/^\\d+$/.test(output)", json!([{"type": "regex", "value": "^\\d+$"}])),
        ("JSON.parse(output).done == true", json!([{"type": "json-path", "path": "$.done", "equals": true}])),
    ] {
        assert_eq!(asserts(code).map(Value::Array), Some(wanted), "{code}");
    }
    for code in [
        "Math.random() > 0.5",
        "output.includes('a') || output.toLowerCase().includes('b')",
        "output.includes('a') || output.length > 3",
        "output.mood === 'good' && output.length > 3",
        "output.toLowerCase() === 'a'",
        "['a', x].some(s => output.includes(s))",
        "['Capital'].some(s => output.toLowerCase().includes(s))",
        "typeof output === 'string'",
        "",
        "output.includes('')",
        "output.toLowerCase().includes('A')",
        "fetch('x')",
        "/(?=a)/.test(output)",
        r"output.includes('\d')",
    ] {
        assert_eq!(asserts(code), None, "{code}");
    }
}
