use crate::support::Sandbox;

#[test]
fn a_scaffold_is_made() {
    let sandbox = Sandbox::new();
    sandbox.tool(["new", "hello", "--image", "localhost:5000/acme/hello"]).assert().success();
    assert!(sandbox.path("hello/wasmplugin.yaml").is_file());
}
