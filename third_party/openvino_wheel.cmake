# Finds the OpenVINO package of the Python interpreter that runs the build, without importing it
# (that would load all of its libraries), and sets FASTOCR_OPENVINO_LIBRARY to the file name of the
# runtime library, which carries the version.
execute_process(
  COMMAND "${Python_EXECUTABLE}" -c
    "import importlib.util, os; print(os.path.join(list(importlib.util.find_spec('openvino').submodule_search_locations)[0], 'cmake'))"
  OUTPUT_STRIP_TRAILING_WHITESPACE OUTPUT_VARIABLE OpenVINO_DIR COMMAND_ERROR_IS_FATAL ANY)
find_package(OpenVINO REQUIRED COMPONENTS Runtime)
get_target_property(openvino_location openvino::runtime IMPORTED_LOCATION_RELEASE)
get_filename_component(FASTOCR_OPENVINO_LIBRARY "${openvino_location}" NAME)
