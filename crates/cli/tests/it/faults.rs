use crate::workload::Project;
#[test]
fn probe() {
    let p = Project::new(2000);
    for s in 0..3 { p.state(s);
    let t = std::time::Instant::now();
    p.run(); eprintln!("run {:?}", t.elapsed());
    let t = std::time::Instant::now();
    let c = p.content(true); eprintln!("content {:?}", t.elapsed());
    for (k,v) in &c { eprintln!("{k} {} {:?}", v.len(), v.first()); }
    let t = std::time::Instant::now();
    let a = p.audit(); eprintln!("audit {:?} {a}", t.elapsed()); }
    eprintln!("{:?}", p.tables());
    let home = p.copy(); eprintln!("{}", home.dir().display()); std::mem::forget(home);
}
