from politune_harness.templates.tasks import politune_task_dirs


def test_lm_eval_finds_the_task_with_its_items() -> None:
    from lm_eval.tasks import TaskManager

    (folder,) = politune_task_dirs()
    manager = TaskManager(include_defaults=False, include_path=str(folder))
    task = manager.load(["example"])["tasks"]["example"]
    docs = list(task.eval_docs)
    assert [task.doc_to_target(doc) for doc in docs] == [0, 1]
    assert task.doc_to_text(docs[0]).endswith("adopted unanimously?\nAnswer:")
