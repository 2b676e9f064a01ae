{
  "targets": [
    {
      "target_name": "ckl_loss",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": [],
          "outputs": ["<(PRODUCT_DIR)/ckl_loss.node"],
          "action": [
            "npx", "cmake-js", "rebuild", "-O", "build/cmake", "-a", "<(target_arch)", "--CDCKL_RELEASE=ON",
            "--CDCMAKE_LIBRARY_OUTPUT_DIRECTORY=<(module_root_dir)/build/Release"
          ]
        }
      ]
    }
  ]
}
