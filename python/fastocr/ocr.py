"""`PaddleOCR`: the pipeline as users of PaddleOCR know it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar

from fastocr import legacy, loading, options, pipeline_config, warmup
from fastocr.inputs import InputOptions, Page
from fastocr.options import PageOptions
from fastocr.page_runs import AT_ONCE, FlatRuns
from fastocr.pipeline import Pipeline
from fastocr.predictor import Batch, Predictor
from fastocr.results import FailedResult, OCRResult

__all__ = ["PaddleOCR"]

Result = TypeVar("Result")


class PaddleOCR(Predictor):
    """Finds and reads the text of images and PDF pages.

    The parameters have the names and the order of PaddleOCR's; None stands for the default. One
    object may be used from any number of threads at once; results are those of a single thread.

    Args:
        doc_orientation_classify_model_name: official name of the model that finds how a page is
            turned; default ``PP-LCNet_x1_0_doc_ori``.
        doc_orientation_classify_model_dir: directory with ``inference.yml`` and ``inference.onnx``,
            ``inference.json`` or ``inference.pdmodel``; by default the model is looked for in
            caches and installed packages, and downloaded if it was asked for.
        doc_unwarping_model_name: default ``UVDoc``.
        doc_unwarping_model_dir: as above.
        text_detection_model_name: default ``PP-OCRv5_mobile_det``.
        text_detection_model_dir: as above.
        textline_orientation_model_name: default ``PP-LCNet_x1_0_textline_ori``.
        textline_orientation_model_dir: as above.
        textline_orientation_batch_size: default 6; results do not follow it.
        text_recognition_model_name: default ``PP-OCRv5_mobile_rec``.
        text_recognition_model_dir: as above.
        text_recognition_batch_size: lines that share one network width, default 6. They are run
            one by one, but the padding changes what the network sees, so results follow this.
        use_doc_orientation_classify: whether pages are turned upright. None, for each of the three
            steps: if its model is on this machine; True: its model is downloaded if it is not.
        use_doc_unwarping: whether pages are flattened.
        use_textline_orientation: whether lines that are upside down are turned.
        text_det_limit_side_len: side length limit in pixels, default 960.
        text_det_limit_type: "max" (longer side at most the limit, default), "min" (shorter side at
            least the limit) or "resize_long" (longer side equal to the limit).
        text_det_thresh: probability above which a pixel counts as text, default 0.3.
        text_det_box_thresh: least mean probability of a line, default 0.6.
        text_det_unclip_ratio: how far lines are grown, default 2.0.
        text_det_input_shape: (3, height, width) of the detection input instead of the limits.
        text_rec_score_thresh: least score of a line that is reported, default 0.0.
        return_word_box: whether words and their boxes are reported too, default False.
        text_rec_input_shape: (3, 48, width) to which every line is stretched.
        lang: code of the language, default "ch": Chinese, Traditional Chinese, English, Japanese;
            see `fastocr.languages`.
        ocr_version: "PP-OCRv3", "PP-OCRv4", "PP-OCRv5" (default where it has the language) or
            "PP-OCRv6".
        **kwargs: `paddlex_config` (a pipeline configuration in PaddleX's form: path of a YAML file,
            dictionary, or "OCR"), `coordinates` ("processed", the default: places on the turned and
            flattened page; "original": on the input),
            `device` ("cpu", the default, or "gpu:0" with Paddle; several, "gpu:0,1" or "cpu,cpu",
            share the pages), `engine` ("auto", "native", "openvino", "paddle"), `engine_config`
            (the engine's own settings), `precision` ("int16", default of the native engine;
            "int8"; "fp32"; "bf16" with OpenVINO and Paddle, "fp16" with OpenVINO, where the CPU has
            them, and on a GPU), `enable_mkldnn`, `mkldnn_cache_capacity`, `use_tensorrt` and
            `min_subgraph_size` (of Paddle), `enable_hpi`, `cpu_threads` (default: the CPUs this
            process may use), `warmup` (False; True, or a list of page sizes (width, height) in
            pixels: read such pages first, so that the first real ones are not slower),
            the fields of `fastocr.inputs.InputOptions`, and PaddleOCR's names of version 2, which
            warn.

    Raises:
        InvalidOptionError: an unknown parameter, a wrong type or value.
        UnsupportedOptionError: a value that cannot work in this version or on this machine.
        ModelNotFoundError: a model directory or package that is not there.
        ModelFormatError: model files that do not fit.
        EngineUnavailableError: the engine's package is missing or of the wrong version.

    """

    def __init__(
        self,
        doc_orientation_classify_model_name: str | None = None,
        doc_orientation_classify_model_dir: str | None = None,
        doc_unwarping_model_name: str | None = None,
        doc_unwarping_model_dir: str | None = None,
        text_detection_model_name: str | None = None,
        text_detection_model_dir: str | None = None,
        textline_orientation_model_name: str | None = None,
        textline_orientation_model_dir: str | None = None,
        textline_orientation_batch_size: int | None = None,
        text_recognition_model_name: str | None = None,
        text_recognition_model_dir: str | None = None,
        text_recognition_batch_size: int | None = None,
        use_doc_orientation_classify: bool | None = None,
        use_doc_unwarping: bool | None = None,
        use_textline_orientation: bool | None = None,
        text_det_limit_side_len: int | None = None,
        text_det_limit_type: str | None = None,
        text_det_thresh: float | None = None,
        text_det_box_thresh: float | None = None,
        text_det_unclip_ratio: float | None = None,
        text_det_input_shape: tuple[int, int, int] | None = None,
        text_rec_score_thresh: float | None = None,
        return_word_box: bool | None = None,
        text_rec_input_shape: tuple[int, int, int] | None = None,
        lang: str | None = None,
        ocr_version: str | None = None,
        **kwargs: Any,
    ) -> None:
        named = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        super().__init__()
        wanted = options.parse_constructor(named, kwargs, stacklevel=2)
        files = loading.find_models(wanted.models)
        self._options = wanted.without(wanted.models.keys() - files.keys())
        self._pipelines = tuple(
            Pipeline(files, engines) for engines in loading.engines_of_devices(self._options)
        )
        self._pipelines[0].check(self._options.page)
        self._calls = count()
        for width, height in self._options.warmup:
            self.predict([warmup.page(width, height)] * len(self._pipelines))

    @property
    def switches(self) -> dict[str, bool]:
        """Which steps that calls can leave out are loaded, by the names of their switches."""
        return {name: getattr(self._options.page, name) for name in pipeline_config.SWITCHES}

    @property
    def page_options(self) -> PageOptions:
        """How pages are processed where a call does not say."""
        return self._options.page

    @property
    def input_options(self) -> InputOptions:
        """How inputs are read where a call does not say."""
        return self._options.inputs

    def predict(
        self,
        input: Any,
        *,
        use_doc_orientation_classify: bool | None = None,
        use_doc_unwarping: bool | None = None,
        use_textline_orientation: bool | None = None,
        text_det_limit_side_len: int | None = None,
        text_det_limit_type: str | None = None,
        text_det_thresh: float | None = None,
        text_det_box_thresh: float | None = None,
        text_det_unclip_ratio: float | None = None,
        text_rec_score_thresh: float | None = None,
        return_word_box: bool | None = None,
        coordinates: str | None = None,
        recursive: bool | None = None,
        pdf_pages: str | int | Sequence[int] | None = None,
        pdf_scale: float | None = None,
        pdf_password: str | None = None,
        device: str | None = None,
    ) -> list[OCRResult | FailedResult]:
        """Read all pages of `input`.

        Args:
            input: a (H, W, 3) uint8 BGR array, a path of an image, PDF or directory, a URL, a
                Pillow image, or a list or iterator of these; see `fastocr.inputs` for other array
                types and how they are converted.
            use_doc_orientation_classify: False leaves the step out; True needs it to be loaded;
                None: the step is on if it is loaded. So are the following two.
            use_doc_unwarping: see above.
            use_textline_orientation: see above.
            text_det_limit_side_len: this and the following override the constructor's values.
            text_det_limit_type: see the constructor.
            text_det_thresh: see the constructor.
            text_det_box_thresh: see the constructor.
            text_det_unclip_ratio: see the constructor.
            text_rec_score_thresh: see the constructor.
            return_word_box: see the constructor.
            coordinates: see the constructor.
            recursive: see the constructor, also for the following.
            pdf_pages: see above.
            pdf_scale: see above.
            pdf_password: see above.
            device: None, or the constructor's.

        Returns:
            One result a page, in order. An item of a list that cannot be read, and a page of a
            document that fails, yields a `FailedResult` in its place; the others are done.

        Raises:
            InputError: a single input that cannot be read (`InputNotFoundError` if it is missing).
            InvalidOptionError: a wrong type or value of a parameter.

        """
        given = {k: v for k, v in locals().items() if k not in ("self", "input")}
        return list(self._read(input, given, Pipeline.run))

    def predict_iter(
        self,
        input: Any,
        *,
        use_doc_orientation_classify: bool | None = None,
        use_doc_unwarping: bool | None = None,
        use_textline_orientation: bool | None = None,
        text_det_limit_side_len: int | None = None,
        text_det_limit_type: str | None = None,
        text_det_thresh: float | None = None,
        text_det_box_thresh: float | None = None,
        text_det_unclip_ratio: float | None = None,
        text_rec_score_thresh: float | None = None,
        return_word_box: bool | None = None,
        coordinates: str | None = None,
        recursive: bool | None = None,
        pdf_pages: str | int | Sequence[int] | None = None,
        pdf_scale: float | None = None,
        pdf_password: str | None = None,
        device: str | None = None,
    ) -> Iterator[OCRResult | FailedResult]:
        """Like `predict`, but yields each result when it is ready.

        The next two pages or so are read and begun meanwhile. `close()` of the iterator drops the
        rest; the object can be used further.
        """
        given = {k: v for k, v in locals().items() if k not in ("self", "input")}
        return self._read(input, given, Pipeline.run)

    def ocr(
        self,
        img: Any,
        det: bool = True,
        rec: bool = True,
        cls: bool = True,
        bin: bool = False,
        inv: bool = False,
        alpha_color: tuple[int, int, int] = legacy.WHITE,
        slice: dict[str, Any] | None = None,
        **predict_options: Any,
    ) -> list[Any]:
        """Read pages and return the lists of PaddleOCR 2. Deprecated: use `predict`.

        Args:
            img: as for `predict`.
            det: find the lines of a page; False: each page is one line.
            rec: read the lines; False: only find them; with `det` False: only their orientation.
            cls: turn lines that are upside down, if the constructor has loaded what that takes.
            bin: make images black and white first, by Otsu's threshold.
            inv: invert images first.
            alpha_color: white; transparency is dropped.
            slice: None or empty.
            **predict_options: further arguments of `predict`.

        Returns:
            For each page a list of [box, (text, score)], or None if it has no lines. A box is four
            corners [x, y], as floats. With `rec` False, for each page a list of boxes, or None.
            With `det` False, for each page a list of one (text, score), or, with `rec` False too,
            of ("0" or "180", score); the lines of a list of images are those of one page.

        Raises:
            InputError: an input that cannot be read, also one of a list.
            InvalidOptionError: a wrong type or value of a parameter.
            UnsupportedOptionError: a value that this version cannot honour.

        """
        warnings.warn(
            "The method `ocr` is deprecated, use `predict` instead",
            DeprecationWarning,
            stacklevel=2,
        )
        legacy.check_arguments(locals())
        image_filter = legacy.image_filter(binarize=bin, invert=inv)
        given = legacy.predict_options(cls, predict_options)
        if not det:
            run = Pipeline.read_line if rec else Pipeline.line_orientation
            lines = self._read(img, given, run, image_filter)
            return legacy.line_pages(lines, together=isinstance(img, (list, tuple)))
        results = self._read(img, given, Pipeline.run, image_filter)
        return legacy.text_pages(results) if rec else legacy.box_pages(results)

    def export_paddlex_config_to_yaml(self, yaml_path: str | os.PathLike[str]) -> None:
        """Write the configuration of this pipeline in PaddleX's form.

        `paddlex_config` reads it again, in fastocr and in PaddleOCR. It says which models and steps
        there are, and how pages are processed. What the configuration has no keys for is not in it:
        the device and the engine that the constructor was given, how inputs are read,
        `coordinates`.

        Raises:
            OSError: the file cannot be written.

        """
        config = pipeline_config.with_switches(self._options.config, self._options.steps())
        pipeline_config.export_config(config, yaml_path)

    def close(self) -> None:
        """Free the models and the threads. The object cannot be used any more."""
        super().close()
        self._pipelines = ()

    def _read(
        self,
        source: Any,
        given: dict[str, Any],
        run: Callable[[Pipeline, Page, PageOptions], Result],
        image_filter: Callable[[Any], Any] = lambda image: image,
    ) -> FlatRuns[Result | FailedResult]:
        self._check_usable()
        pipelines = self._pipelines
        call = options.parse_predict(given, self._options)
        page_options = call.page
        pipelines[0].check(page_options)
        # Calls begin with different devices, so that those of one page each use all of them.
        first = next(self._calls)

        def read(batch: Batch) -> list[Result]:
            pipeline = pipelines[(first + batch.index) % len(pipelines)]
            pages = (replace(page, image=image_filter(page.image)) for page in batch.pages)
            return [run(pipeline, page, page_options) for page in pages]

        return self._results(
            source, read, at_once=AT_ONCE * len(pipelines), input_options=call.inputs
        )
