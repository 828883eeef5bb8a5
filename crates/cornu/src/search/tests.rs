//! What is found, what is kept in files, what is refused.

use super::*;
use crate::saving::{Notes, load_arrays, save_arrays};
use cornu_graph::philox::Philox;
use std::collections::HashSet;
use std::path::Path;

/// Rows in some clusters, as embeddings are.
fn clustered(rows: usize, width: usize, seed: u64) -> Array {
    let mut random = Philox::new(seed);
    let centres: Vec<f64> = (0..10 * width).map(|_| 3.0 * random.normal()).collect();
    let mut values = Vec::with_capacity(rows * width);
    for row in 0..rows {
        let centre = &centres[row % 10 * width..][..width];
        values.extend(centre.iter().map(|c| (c + random.normal()) as f32));
    }
    Array::new([rows, width], values).unwrap()
}

/// The definition: every row measured in f64, then sorted.
fn by_definition(rows: &Array, query: &[f32], measure: Measure, k: usize) -> Vec<(usize, f64)> {
    let width = query.len();
    let score = |row: &[f32]| {
        let pairs = || row.iter().zip(query).map(|(&a, &b)| (f64::from(a), f64::from(b)));
        let length =
            |values: &[f32]| values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let dot: f64 = pairs().map(|(a, b)| a * b).sum();
        match measure {
            Measure::Euclidean => pairs().map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt(),
            Measure::Cosine => dot / (length(row) * length(query)).max(f64::MIN_POSITIVE),
            Measure::Dot => dot,
        }
    };
    let rows = rows.as_slice::<f32>().unwrap().chunks_exact(width);
    let mut scores: Vec<(usize, f64)> = rows.map(score).enumerate().collect();
    scores.sort_by(|a, b| match measure {
        Measure::Euclidean => a.1.total_cmp(&b.1),
        Measure::Cosine | Measure::Dot => b.1.total_cmp(&a.1),
    });
    scores.truncate(k);
    scores
}

#[test]
fn exact_search_is_the_definition() {
    // More rows than a block, and a width that is no multiple of the lanes.
    let (rows, queries) = (clustered(BLOCK + 300, 19, 1), clustered(30, 19, 2));
    for measure in [Measure::Euclidean, Measure::Cosine, Measure::Dot] {
        let index = Index::exact(&rows, measure).unwrap();
        let together = index.search_all(&queries, 5).unwrap();
        for (i, query) in queries.as_slice::<f32>().unwrap().chunks_exact(19).enumerate() {
            // By products of blocks, and one by one.
            let alone = index.search(&queries.slice_rows(i, i + 1).unwrap(), 5).unwrap();
            assert_eq!(together[i], alone);
            for (hit, (row, score)) in alone.iter().zip(by_definition(&rows, query, measure, 5)) {
                assert_eq!(hit.row, row, "{measure:?}");
                assert!((f64::from(hit.score) - score).abs() < 1e-5 * score.abs().max(1.0));
            }
        }
    }
}

#[test]
fn rows_that_rounding_cannot_tell_apart_are_told_apart() {
    // Far from zero the squares of 8192 are rounded to a multiple of 4: |q|² - 2 q·x + |x|² sees
    // no difference between rows that are 1/4 apart.
    let row = |i: usize| [8192.0 + (i * 37 % 200) as f32 / 4.0, 8192.0];
    let rows = Array::new([200, 2], (0..200).flat_map(row).collect()).unwrap();
    let index = Index::exact(&rows, Measure::Euclidean).unwrap();
    for (row, hits) in index.search_all(&rows, 2).unwrap().iter().enumerate() {
        assert_eq!(hits[0], Hit { row, score: 0.0 });
        assert_eq!(hits[1].score, 0.25);
    }
}

#[test]
fn cosines_that_rounding_cannot_tell_from_1_are_told_apart() {
    // The angle to the nearest neighbour is 1/20000: its cosine is 1 - 1.25e-9.
    let row = |i: usize| [1.0, (i * 37 % 200) as f32 / 20_000.0];
    let rows = Array::new([200, 2], (0..200).flat_map(row).collect()).unwrap();
    let index = Index::exact(&rows, Measure::Cosine).unwrap();
    let hits = index.search_all(&rows, 2).unwrap();
    for (row, hits) in hits.iter().enumerate() {
        let steps = |row: usize| row * 37 % 200;
        assert_eq!((hits[0].row, steps(hits[1].row).abs_diff(steps(row))), (row, 1));
    }
}

#[test]
fn equals_come_in_the_order_of_their_rows() {
    let rows = Array::new([100, 3], vec![1.0f32; 300]).unwrap();
    for measure in [Measure::Euclidean, Measure::Cosine, Measure::Dot] {
        let index = Index::exact(&rows, measure).unwrap();
        let hits = index.search_all(&rows.slice_rows(0, 20).unwrap(), 4).unwrap();
        let found: Vec<usize> = hits[7].iter().map(|hit| hit.row).collect();
        assert_eq!(found, [0, 1, 2, 3]);
    }
    // More than there are is all there is; so it is where the graph is of equals only.
    let index = Index::approximate(&rows, Measure::Euclidean, Hnsw::default()).unwrap();
    let hits = index.search(&rows.slice_rows(3, 4).unwrap(), 1000).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.row).collect::<HashSet<_>>().len(), 100);
}

#[test]
fn a_graph_finds_nearly_all() {
    let (rows, queries) = (clustered(3000, 16, 3), clustered(200, 16, 3));
    for measure in [Measure::Euclidean, Measure::Cosine] {
        let exact = Index::exact(&rows, measure).unwrap();
        let graph = Index::approximate(&rows, measure, Hnsw::default()).unwrap();
        let (expected, found) =
            (exact.search_all(&queries, 10).unwrap(), graph.search_all(&queries, 10).unwrap());
        let right: usize = expected
            .iter()
            .zip(&found)
            .map(|(expected, found)| found.iter().filter(|hit| expected.contains(hit)).count())
            .sum();
        assert!(right as f64 > 0.98 * 2000.0, "{measure:?}: {right} of 2000");
    }
}

#[test]
fn the_seed_decides_the_graph() {
    let rows = clustered(1500, 8, 4);
    // So narrow a search misses some, and which it misses tells of the links.
    let narrow = Hnsw::default().build_width(8).search_width(2);
    let found = |seed| {
        let index = Index::approximate(&rows, Measure::Euclidean, narrow.seed(seed)).unwrap();
        let found = index.search_all(&clustered(300, 8, 5), 2).unwrap();
        (index.graph.unwrap().rows, found)
    };
    let one = found(1);
    assert!(one == found(1));
    let two = found(2);
    assert!(one.0 != two.0 && one.1 != two.1);
}

#[test]
fn rows_without_direction_do_not_crowd_out_others() {
    // In the plain distance the zeros would be nearer to the query than all that is right.
    let mut values = vec![0.0f32; 2 * 300];
    values.extend((0..20).flat_map(|i| [1.0, 2.0 + i as f32 / 10.0]));
    let rows = Array::new([320, 2], values).unwrap();
    let query = Array::new([2], vec![1.0f32, 0.0]).unwrap();
    let exact = Index::exact(&rows, Measure::Cosine).unwrap().search(&query, 10).unwrap();
    let graph = Index::approximate(&rows, Measure::Cosine, Hnsw::default()).unwrap();
    assert!(exact[0].row == 300 && exact[0].score > 0.4);
    assert_eq!(graph.search(&query, 10).unwrap(), exact);
}

#[test]
fn strangers_are_rejected() {
    let known = Array::new([4, 1], vec![0.0f32, 1.0, 1.2, 9.0]).unwrap();
    let names = ["a", "b", "b", "c"].map(String::from).to_vec();
    let index = Index::exact(&known, Measure::Euclidean).unwrap();
    let index = index.with_column("name", names).unwrap();
    let is = |x: f32, k, threshold| {
        let query = Array::new([1], vec![x]).unwrap();
        index.identify(&query, k, threshold, "name").unwrap().map(str::to_owned)
    };
    assert_eq!(is(0.4, 1, 3.0).as_deref(), Some("a"));
    assert_eq!(is(0.4, 3, 3.0).as_deref(), Some("b"), "two of three");
    assert_eq!(is(0.4, 2, 3.0).as_deref(), Some("a"), "the nearer of two");
    assert_eq!(is(5.0, 3, 3.0), None);
    // At the threshold it is another, as in the siamese recipe.
    assert!(!Measure::Euclidean.accepts(0.5, 0.5) && Measure::Cosine.accepts(0.5, 0.5));
}

#[test]
fn a_row_of_zeros_has_no_direction() {
    let rows = Array::new([3, 2], vec![0.0f32, 0.0, 1.0, 1.0, -1.0, 0.0]).unwrap();
    let index = Index::exact(&rows, Measure::Cosine).unwrap();
    let hits = index.search(&Array::new([2], vec![2.0f32, 0.0]).unwrap(), 3).unwrap();
    let scores: Vec<(usize, f32)> = hits.iter().map(|hit| (hit.row, hit.score)).collect();
    assert_eq!(scores, [(1, 0.5f32.sqrt()), (0, 0.0), (2, -1.0)]);
}

#[test]
fn mistakes_are_told() {
    let rows = clustered(20, 4, 5);
    let index = Index::exact(&rows, Measure::Euclidean).unwrap();
    let query = |values: &[f32]| Array::new([values.len()], values.to_vec()).unwrap();
    let nan = Array::new([2, 1], vec![0.0f32, f32::NAN]).unwrap();
    let huge = Array::new([1, 2], vec![1e30f32, 0.0]).unwrap();
    let column = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    let labelled = index.clone().with_column("label", column(&["x"; 20])).unwrap();
    for (error, expected) in [
        (index.search(&query(&[0.0; 4]), 0).err(), "k must be at least 1"),
        (index.search(&query(&[0.0; 3]), 1).err(), "embeddings of 4 numbers"),
        (index.search(&rows, 1).err(), "search_all takes several"),
        (index.search(&query(&[0.0, 0.0, f32::INFINITY, 0.0]), 1).err(), "query 0 has a number"),
        (Index::exact(&nan, Measure::Dot).err(), "row 1 has a number that is not finite"),
        (Index::exact(&huge, Measure::Dot).err(), "too large to be squared"),
        (Index::exact(&query(&[1.0]), Measure::Dot).err(), "embeddings are (rows, width)"),
        (
            Index::approximate(&rows, Measure::Dot, Hnsw::default()).err(),
            "does not measure by dot products",
        ),
        (
            Index::approximate(&rows, Measure::Cosine, Hnsw::default().build_width(0)).err(),
            "build_width must be from 1 to 2000, not 0",
        ),
        (index.clone().with_column("a", column(&["x"])).err(), "1 texts for 20 rows"),
        (labelled.clone().with_column("label", column(&["x"; 20])).err(), "'label' already"),
        (labelled.column("labl").err(), "did you mean 'label'"),
    ] {
        let error = error.expect(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

fn saved(index: &Index, folder: &Path) -> std::path::PathBuf {
    let path = folder.join("index.safetensors");
    index.save(&path).unwrap();
    path
}

#[test]
fn a_file_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let rows = clustered(500, 6, 6);
    let texts: Vec<String> = (0..500).map(|i| format!("ä \"{i}\"\n")).collect();
    let dot = Index::exact(&rows, Measure::Dot).unwrap();
    let cosine = Index::approximate(&rows, Measure::Cosine, Hnsw::default().seed(3)).unwrap();
    for index in [dot, cosine] {
        let index = index.with_column("path", texts.clone()).unwrap();
        let path = saved(&index, folder.path());
        let loaded = Index::load(&path).unwrap();
        assert_eq!(format!("{loaded:?}"), format!("{index:?}"));
        assert!(loaded.blocks == index.blocks);
        assert_eq!(loaded.column("path").unwrap(), texts);
        let queries = clustered(12, 6, 7);
        assert_eq!(loaded.search_all(&queries, 3).unwrap(), index.search_all(&queries, 3).unwrap());
    }
}

#[test]
fn files_that_are_something_else_or_lie_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::approximate(&clustered(50, 3, 8), Measure::Cosine, Hnsw::default()).unwrap();
    let index = index.with_column("label", vec!["x".into(); 50]).unwrap();
    let path = saved(&index, folder.path());
    let (arrays, notes) = load_arrays(&path).unwrap();
    let refused = |name: &str, array: Option<Array>, expected: &str| {
        let mut arrays = arrays.clone();
        match array {
            Some(array) => arrays.insert(name.into(), array),
            None => arrays.remove(name),
        };
        let (keys, values): (Vec<_>, Vec<_>) = arrays.into_iter().unzip();
        let path = folder.path().join("changed");
        save_arrays(&path, &keys, &values, &notes).unwrap();
        let error = Index::load(&path).unwrap_err().to_string();
        assert!(error.contains("changed: ") && error.contains(expected), "{expected}: {error}");
    };
    refused("rows", None, "lacks the array 'rows'");
    refused("rows", Some(Array::zeros([50], DType::F32)), "embeddings are (rows, width)");
    refused("rows", Some(clustered(50, 3, 9)), "not of length 1");
    let texts = |text: &str| Some(Array::new([text.len()], text.as_bytes().to_vec()).unwrap());
    refused("column/0", texts("[1]"), "column 'label' is no list of texts");
    refused("column/0", texts("[\"x\"]"), "1 texts for 50 rows");

    refused("column/0", Some(Array::zeros([2, 25], DType::U8)), "is uint8(2, 25), not uint8");

    let told = |about: &str, expected: &str| {
        let (keys, values): (Vec<_>, Vec<_>) = arrays.clone().into_iter().unzip();
        let mut notes = notes.clone();
        notes.insert("index".into(), about.into());
        save_arrays(&path, &keys, &values, &notes).unwrap();
        let error = Index::load(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    };
    let begin = r#"{"measure":"cosine","columns":[]"#;
    told("{", "what it says about itself is no JSON");
    told(r#"{"columns":[]}"#, "it does not say how it measures");
    told(r#"{"measure":"cosine"}"#, "it does not name its columns");
    told(&format!(r#"{begin},"hnsw":{{"seed":1}}}}"#), "its settings are incomplete");
    for width in ["0", "1000000000"] {
        let hnsw = format!(r#"{{"build_width":{width},"search_width":9,"seed":1}}"#);
        told(&format!(r#"{begin},"hnsw":{hnsw}}}"#), "build_width must be from 1 to 2000");
    }
    let dot =
        r#"{"measure":"dot","columns":[],"hnsw":{"build_width":9,"search_width":9,"seed":1}}"#;
    told(dot, "its graph does not go with its measure");

    let weights = folder.path().join("weights");
    save_arrays(&weights, &[], &[], &Notes::new()).unwrap();
    assert!(Index::load(&weights).unwrap_err().to_string().contains("holds no index"));
    assert!(Index::load(folder.path().join("none")).unwrap_err().to_string().contains("no such"));
}

#[test]
fn a_damaged_file_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::approximate(&clustered(30, 3, 8), Measure::Euclidean, Hnsw::default());
    let index = index.unwrap().with_column("label", vec!["x".into(); 30]).unwrap();
    let path = saved(&index, folder.path());
    let bytes = std::fs::read(&path).unwrap();
    let query = Array::new([3], vec![0.0f32; 3]).unwrap();
    let mut random = Philox::new(9);
    let mut loaded = 0;
    for _ in 0..400 {
        let mut damaged = bytes.clone();
        for _ in 0..=random.below(3) {
            damaged[random.below(bytes.len())] ^= 1 << random.below(8);
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, damaged).unwrap();
        if let Ok(index) = Index::load(&path) {
            loaded += 1;
            assert_eq!(index.search(&query, 30).map_or(30, |hits| hits.len()), 30);
        }
    }
    assert!(loaded > 0, "nothing was left to search in");
}
