terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

# The subscription comes from ARM_SUBSCRIPTION_ID, who you are from "az login" or a federated identity.
provider "azurerm" {
  features {}
}
