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
  # A new subscription knows hardly any service until it is told, and the provider tells it of none by itself. Spelt as Azure does:
  # of a name in other letters it says nothing, and does nothing.
  resource_providers_to_register = [
    "Microsoft.App",
    "Microsoft.Cache",
    "Microsoft.CognitiveServices",
    "Microsoft.ContainerService", # asked for by Microsoft.App
    "Microsoft.DocumentDB",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.ServiceBus",
    "microsoft.insights",
  ]

  features {
    resource_group {
      # Application Insights gets an alert rule and an action group from Azure, of which Terraform knows nothing: they would keep the
      # resource group from being destroyed.
      prevent_deletion_if_contains_resources = false
    }
  }
}
