//! What must hold of every layout.

use super::*;
use cornu_graph::philox::Philox;

fn boxes(count: usize) -> Vec<Node> {
    vec![Node { width: 100.0, height: 40.0, pin: Pin::None }; count]
}

fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
    pairs.iter().map(|&(from, to)| Edge { from, to, from_port: None, to_port: None }).collect()
}

fn middle(layout: &Layout, nodes: &[Node], node: usize) -> f64 {
    layout.corners[node].0 + nodes[node].width / 2.0
}

/// Points along a route, bends and all.
fn samples(route: &Route) -> Vec<Point> {
    let Route::Way(points) = route else { return vec![] };
    let between = |pair: &[Point]| {
        let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
        (0..=20).map(move |i| {
            let t = f64::from(i) / 20.0;
            // Both control points stand half way down: x along 3t² - 2t³.
            let (a, b, c, d) = (
                (1.0 - t).powi(3),
                3.0 * t * (1.0 - t).powi(2),
                3.0 * t * t * (1.0 - t),
                t.powi(3),
            );
            ((a + b) * x1 + (c + d) * x2, a * y1 + (b + c) * (y1 + y2) / 2.0 + d * y2)
        })
    };
    points.windows(2).flat_map(between).collect()
}

/// Checks that nothing overlaps, nothing stands outside, no edge runs through a node, and every edge
/// begins and ends at its nodes.
fn check(nodes: &[Node], edges: &[Edge]) -> Layout {
    let layout = layout(nodes.to_vec(), edges.to_vec(), Direction::Down);
    let area = |i: usize| {
        let (x, y) = layout.corners[i];
        (x, y, x + nodes[i].width, y + nodes[i].height)
    };
    for i in 0..nodes.len() {
        let a = area(i);
        assert!(a.0 > -0.01 && a.1 > -0.01, "{a:?}");
        assert!(
            a.2 < layout.size.0 + 0.01 && a.3 < layout.size.1 + 0.01,
            "{a:?} {:?}",
            layout.size
        );
        for j in 0..i {
            let b = area(j);
            let apart =
                a.2 <= b.0 + 0.01 || b.2 <= a.0 + 0.01 || a.3 <= b.1 + 0.01 || b.3 <= a.1 + 0.01;
            assert!(apart, "nodes {i} and {j} overlap: {a:?} {b:?}");
        }
    }
    assert_eq!(layout.routes.len(), edges.len());
    for (edge, route) in edges.iter().zip(&layout.routes) {
        let Route::Way(points) = route else {
            assert_eq!(edge.from, edge.to);
            continue;
        };
        let (from, to) = (area(edge.from), area(edge.to));
        let (first, last) = (points[0], points[points.len() - 1]);
        assert!(first.0 >= from.0 && first.0 <= from.2, "{edge:?} {first:?} {from:?}");
        assert!(last.0 >= to.0 && last.0 <= to.2, "{edge:?} {last:?} {to:?}");
        if let Some(port) = edge.from_port {
            assert!((first.0 - from.0 - port).abs() < 0.01);
        }
        if let Some(port) = edge.to_port {
            assert!((last.0 - to.0 - port).abs() < 0.01);
        }
        // From the lower side to the upper, or the other way round if it goes up.
        let down = (first.1 - from.3).abs() < 0.01 && (last.1 - to.1).abs() < 0.01;
        let up = (first.1 - from.1).abs() < 0.01 && (last.1 - to.3).abs() < 0.01;
        assert!(down || up, "{edge:?}: {points:?}");
        for (x, y) in samples(route) {
            for i in 0..nodes.len() {
                let (left, top, right, bottom) = area(i);
                let inside = x > left + 1.0 && x < right - 1.0 && y > top + 1.0 && y < bottom - 1.0;
                assert!(!inside, "edge {edge:?} runs through node {i}");
            }
        }
    }
    layout
}

/// How many pairs of edges cross in the layout.
fn crossings(layout: &Layout) -> usize {
    let ways: Vec<Vec<Point>> = layout.routes.iter().map(samples).collect();
    let crosses = |a: &[Point], b: &[Point]| {
        let side =
            |p: Point, q: Point, r: Point| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
        a.windows(2).any(|p| {
            b.windows(2).any(|q| {
                side(p[0], p[1], q[0]) * side(p[0], p[1], q[1]) < -1e-6
                    && side(q[0], q[1], p[0]) * side(q[0], q[1], p[1]) < -1e-6
            })
        })
    };
    (0..ways.len()).map(|i| (0..i).filter(|&j| crosses(&ways[i], &ways[j])).count()).sum()
}

#[test]
fn a_long_chain_is_straight() {
    let nodes = boxes(60);
    let chain: Vec<(usize, usize)> = (1..60).map(|i| (i - 1, i)).collect();
    let layout = check(&nodes, &edges(&chain));
    assert_eq!(layout.size.0, 100.0);
    assert!(
        layout.routes.iter().all(|route| samples(route).iter().all(|p| (p.0 - 50.0).abs() < 1e-9))
    );
}

#[test]
fn residual_blocks_do_not_bend_the_main_way() {
    // Ten blocks of three layers, with an edge that skips each.
    let (mut pairs, mut last) = (vec![], 0);
    for _ in 0..10 {
        pairs.extend([
            (last, last + 1),
            (last + 1, last + 2),
            (last + 2, last + 3),
            (last, last + 3),
        ]);
        last += 3;
    }
    let nodes = boxes(last + 1);
    let layout = check(&nodes, &edges(&pairs));
    let first = middle(&layout, &nodes, 0);
    assert!((1..=last).all(|i| (middle(&layout, &nodes, i) - first).abs() < 0.5));
    assert_eq!(crossings(&layout), 0);
}

#[test]
fn towers_and_heads_stand_evenly() {
    // Two inputs, one tower, three heads.
    let nodes = boxes(6);
    let layout = check(&nodes, &edges(&[(0, 2), (1, 2), (2, 3), (2, 4), (2, 5)]));
    let at = |i| middle(&layout, &nodes, i);
    assert!((at(0) + at(1) - 2.0 * at(2)).abs() < 0.5 && at(0) != at(1));
    assert!((at(3) + at(4) + at(5) - 3.0 * at(2)).abs() < 0.5);
    assert_eq!(crossings(&layout), 0);
}

#[test]
fn crossings_that_can_be_avoided_are() {
    // Two chains, listed so that their order is crossed at first; then a tree.
    let layout = check(&boxes(8), &edges(&[(0, 3), (1, 2), (2, 5), (3, 4), (4, 6), (5, 7)]));
    assert_eq!(crossings(&layout), 0);
    let tree: Vec<(usize, usize)> = (1..31).map(|i| ((i - 1) / 2, i)).collect();
    assert_eq!(crossings(&check(&boxes(31), &edges(&tree))), 0);
}

#[test]
fn an_input_stands_above_what_needs_it() {
    let nodes = boxes(6);
    // The input 5 goes into the last layer.
    let layout = check(&nodes, &edges(&[(0, 1), (1, 2), (2, 3), (3, 4), (5, 4)]));
    assert_eq!(layout.corners[5].1, layout.corners[3].1);
}

#[test]
fn circles_and_edges_to_oneself_are_drawn() {
    let layout = check(&boxes(3), &edges(&[(0, 1), (1, 1), (1, 2), (2, 1)]));
    assert!(matches!(layout.routes[1], Route::Loop { .. }));
    // There is room for the loop.
    let Route::Loop { from, reach, .. } = &layout.routes[1] else { unreachable!() };
    assert!(from.0 + reach <= layout.size.0);
    check(&boxes(2), &edges(&[(0, 1), (1, 0)]));
    check(&boxes(1), &edges(&[(0, 0)]));
    check(&boxes(1), &[]);
    check(&[], &[]);
}

#[test]
fn pins_stand_first_and_last_and_ports_are_kept() {
    let mut nodes = boxes(5);
    (nodes[3], nodes[4]) = (
        Node { width: 0.0, height: 0.0, pin: Pin::First },
        Node { width: 0.0, height: 0.0, pin: Pin::Last },
    );
    let mut edges = edges(&[(3, 0), (0, 1), (0, 2), (1, 4)]);
    (edges[1].from_port, edges[2].from_port) = (Some(20.0), Some(80.0));
    (edges[0].to_port, edges[3].from_port) = (Some(30.0), Some(90.0));
    let layout = check(&nodes, &edges);
    assert_eq!(layout.corners[3].1, 0.0);
    assert_eq!(layout.corners[4].1, layout.size.1);
    assert!(layout.corners[1].0 < layout.corners[2].0);
}

#[test]
fn to_the_right_is_down_turned() {
    let mut nodes = boxes(4);
    nodes[1].height = 90.0;
    let edges = edges(&[(0, 1), (1, 3), (0, 2), (2, 3)]);
    let right = layout(nodes.clone(), edges.clone(), Direction::Right);
    nodes.iter_mut().for_each(|n| (n.width, n.height) = (n.height, n.width));
    let down = layout(nodes, edges, Direction::Down);
    assert_eq!(right.size, (down.size.1, down.size.0));
    let turned: Vec<Point> = down.corners.iter().map(|c| (c.1, c.0)).collect();
    assert_eq!(right.corners, turned);
    assert_eq!(right.routes, down.routes);
}

#[test]
fn any_graph_has_a_layout() {
    let mut random = Philox::new(5);
    for count in 1..60 {
        let mut nodes = boxes(count);
        for node in &mut nodes {
            node.width = 40.0 + random.below(200) as f64;
            node.height = 20.0 + random.below(100) as f64;
        }
        let density = 1 + random.below(3);
        let mut pairs = vec![];
        for _ in 0..count * density {
            let (a, b) = (random.below(count), random.below(count));
            // Mostly forward, sometimes back.
            let back = random.below(12) == 0;
            pairs.push(if back { (a.max(b), a.min(b)) } else { (a.min(b), a.max(b)) });
        }
        pairs.sort_unstable();
        pairs.dedup();
        check(&nodes, &edges(&pairs));
    }
}

#[test]
fn a_dense_network_of_many_layers_takes_no_long_time() {
    // Every layer is connected to all that follow: 1,770 edges, 34,220 places where they pass.
    let pairs: Vec<(usize, usize)> =
        (0..60).flat_map(|a| (a + 1..60).map(move |b| (a, b))).collect();
    let layout = layout(boxes(60), edges(&pairs), Direction::Down);
    assert_eq!(layout.routes.len(), pairs.len());
}

#[test]
fn wishes_are_settled_with_the_least_change() {
    assert_eq!(settle(&[1.0, 5.0], &[1.0, 1.0], &[2.0]), [1.0, 5.0]);
    assert_eq!(settle(&[3.0, 3.0], &[1.0, 1.0], &[2.0]), [2.0, 4.0]);
    assert_eq!(settle(&[3.0, 3.0], &[3.0, 1.0], &[4.0]), [2.0, 6.0]);
    assert_eq!(settle(&[0.0, 0.0, 0.0, 9.0], &[1.0; 4], &[1.0; 3]), [-1.0, 0.0, 1.0, 9.0]);
    assert_eq!(settle(&[], &[], &[]), [0.0; 0]);
}
