# The suites of the CPU that run on any target, and those of the kernels. Included by test/cpp.
file(GLOB emulator_suites CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/emulator/*_test.cc)
set(emulator ${CMAKE_SOURCE_DIR}/test/emulator)
add_executable(ckl_emulator_tests main.cc ${emulator}/targets.cc ${emulator}/golden.cc ${emulator_suites}
  edges_test.cc extremes_test.cc diagnostics_test.cc)
target_include_directories(ckl_emulator_tests SYSTEM PRIVATE ${CKL_DOCTEST_DIR})
target_compile_definitions(ckl_emulator_tests PRIVATE
  CKL_GOLDEN="${CMAKE_SOURCE_DIR}/test/fixtures/golden.jsonl.gz")
target_link_libraries(ckl_emulator_tests PRIVATE ckl_emulated ckl_test_support)
target_compile_options(ckl_emulator_tests PRIVATE -Wall -Wextra -O1)
if(CKL_SANITIZE)
  target_compile_options(ckl_emulator_tests PRIVATE -g1 -fno-omit-frame-pointer -fsanitize=address,undefined
    -fno-sanitize-recover=undefined)
  target_link_options(ckl_emulator_tests PRIVATE -fsanitize=address,undefined)
endif()
add_test(NAME ckl_emulator_tests COMMAND ckl_emulator_tests)
